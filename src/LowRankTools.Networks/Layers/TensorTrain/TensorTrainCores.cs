using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Layers.Factored;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.TensorTrain;

/// <summary>What layers of TT-matrices share: cores from a dense matrix, the dense matrix from cores, gradients.</summary>
internal static class TensorTrainCores
{
    // Orders are tried for every subset of bonds.
    private const int MostCores = 10;

    public static void Require(IReadOnlyList<Parameter> cores)
    {
        // Sizes whose product no matrix has are refused before any is multiplied.
        bool fits = cores.All(c => c.Shape.Count == 4) && cores.Aggregate(1.0, (n, c) => n * c.Shape[1]) <= int.MaxValue && cores.Aggregate(1.0, (n, c) => n * c.Shape[2]) <= int.MaxValue;
        fits = fits && cores.Count is > 0 and <= MostCores && cores[0].Shape[0] == 1 && cores[^1].Shape[3] == 1
            && Enumerable.Range(1, cores.Count - 1).All(k => cores[k].Shape[0] == cores[k - 1].Shape[3]);
        if (!fits) throw new LowRankToolsException("ShapesDoNotMatch", $"{string.Join(", ", cores.Select(c => $"({string.Join(" x ", c.Shape)})"))} are no cores of a TT-matrix.");
    }

    public static (Parameter[] Cores, double RelativeError) Decompose(INetworkEngine engine, Parameter weight, DecompositionOptions options, CancellationToken ct)
    {
        using Tensor dense = Tensor.From(engine.ToArray(weight.Value), [.. weight.Shape]);
        using Decomposition train = DecompositionMethods.Find("TensorTrainMatrix").Decompose(dense, options, null, ct);
        Parameter[] cores = [.. train.Factors.Select(f =>
        {
            using ITensor wide = engine.FromDoubles(f.Values.Values, [.. f.Values.Shape]);
            return new Parameter([.. f.Values.Shape]) { Value = engine.Copy(wide, weight.Value.ElementType) };
        })];
        return (cores, train.RelativeError);
    }

    public static ITensor Dense(INetworkEngine engine, Parameter[] cores, int rows, int columns, CancellationToken ct)
    {
        using FactorRun run = TensorTrainOrder.Rebuild([.. cores.Select(c => c.Shape.ToArray())]).Run(engine, [.. cores.Select(c => c.Value)], ct);
        return engine.Copy(engine.View(run.Result, rows, columns), cores[0].Value.ElementType);
    }
}
