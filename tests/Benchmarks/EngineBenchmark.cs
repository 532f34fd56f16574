using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Benchmarks;

/// <summary>
/// The primitives behind a factorization and both of its routes on the embedded engine and on TorchSharp, which is the device that
/// LOWRANK_TEST_DEVICE names, by default the processor. A time ends when a number made from the result is back in this process.
/// </summary>
internal static class EngineBenchmark
{
    private const int Size = 4096;

    public static void Run()
    {
        string device = Environment.GetEnvironmentVariable("LOWRANK_TEST_DEVICE") is { Length: > 0 } named ? named : "cpu";
        using Matrix<float> a = SpectralMatrix.Make(Size, Size, -0.5);
        foreach (EngineChoice choice in new[] { new EngineChoice { Engine = EngineKind.Embedded }, new EngineChoice { Engine = EngineKind.TorchSharp, Device = device } })
        {
            try
            {
                SelectedEngine selected = EngineSelector.Select(choice);
                Engine(selected.Create(0, 0), a);
            }
            catch (LowRankToolsException e)
            {
                Console.WriteLine($"   {choice.Engine}: {e.Message}");
            }
        }
    }

    private static void Engine(ITensorEngine engine, Matrix<float> a)
    {
        Console.WriteLine($"   {engine.Info.Name} on {engine.Info.Device}, {engine.Info.InstructionSet}, {engine.Info.ThreadCount} threads; {Size} x {Size}, float32");
        using ITensor x = engine.Load(a.View), y = engine.Create(ElementType.Float32, Size, Size);
        using ITensor gram = engine.Gram(x), single = engine.Copy(gram, ElementType.Float32), rows = engine.Copy(engine.Slice(x, 0, Size / 4), ElementType.Float32);
        Time("to the device", () => engine.Load(a.View));
        Time("from the device", () => { engine.ToMatrix(x).Dispose(); return null; });
        Time("product", () => { engine.MatMul(1, x, x, 0, y); return null; }, y);
        Time("Gram matrix in float64", () => engine.Gram(x));
        Time("eigenvectors, float32, 1024 of them", () => engine.SymmetricEigen(single, _ => Size / 4).Vectors);
        Time("eigenvectors, float64, 1024 of them", () => engine.SymmetricEigen(gram, _ => Size / 4).Vectors);
        Time("1024 orthonormal rows", () => { engine.OrthonormalizeRows(rows); return null; }, rows);
        foreach (int rank in new[] { 64, 256, 1024 })
        {
            string algorithm = "";
            double error = 0;
            (double median, double best) = Timing.Measure(3, () =>
            {
                using TruncatedSvdResult svd = TruncatedSvd.Compute(engine, x, new RankTarget.Rank(rank));
                (algorithm, error) = (svd.Algorithm, svd.RelativeError);
            });
            Timing.Print($"      truncated SVD, rank {rank}: {median:0.0} ms, best {best:0.0} ({algorithm}); error {error / SpectralMatrix.Optimum(Size, -0.5, rank):0.0000} of the optimum");
        }

        void Time(string what, Func<ITensor?> action, ITensor? changed = null)
        {
            (double median, double best) = Timing.Measure(3, () =>
            {
                using ITensor? result = action();
                if ((result ?? changed) is { } made) engine.SumOfSquares(engine.Slice(made, 0, 1));
            });
            Timing.Print($"      {what}: {median:0.0} ms, best {best:0.0}");
        }
    }
}
