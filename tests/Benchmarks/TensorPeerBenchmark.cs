using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Benchmarks;

/// <summary>
/// The decompositions that other libraries have too, on the same tensors in turns with them: CP, Tucker, TT-matrix, non-negative CP, DEDICOM, INDSCAL.
/// </summary>
internal static class TensorPeerBenchmark
{
    // TensorLy's HOOI rests below 1e-4, where ours can still be above its error; below this it is not. If not told otherwise ours goes on to 1e-5.
    private const double PeersRest = 3e-5;
    private const string Model = "../RealModels/node_modules/jp.keijiro.mlsd/ONNX/mlsd_512x512_large.onnx";

    /// <summary>CP, Tucker and TT-matrices.</summary>
    public static void Run()
    {
        using TensorPeers peers = new();
        using (Tensor tensor = Planted(0.05, 16, signed: true, 256, 256, 9))
            peers.Compare("CP of rank 16, 100 sweeps, 256 x 256 x 9 planted with 5 % of noise", tensor, "Cp", new DecompositionOptions { Ranks = [16], MaxIterations = 100, Rest = 0 }, 2, [16], "numpy", "pytorch");
        using (Tensor tensor = Planted(2, 60, signed: true, 256, 256, 3, 3))
            peers.Compare("Tucker (32, 32, 3, 3), 256 x 256 x 3 x 3 made of 60 components and noise", tensor, "Tucker", new DecompositionOptions { Ranks = [32, 32, 3, 3], Rest = PeersRest }, 2, [32, 32, 3, 3], "numpy", "pytorch");
        if (Kernel() is { } kernel)
        {
            using (kernel)
                peers.Compare("Tucker (32, 32, 3, 3) of M-LSD's kernel 128 x 128 x 3 x 3", kernel, "Tucker", new DecompositionOptions { Ranks = [32, 32, 3, 3], Rest = PeersRest }, 2, [32, 32, 3, 3], "numpy", "pytorch");
        }
        foreach (int rank in (int[])[16, 64])
        {
            using Matrix<float> matrix = SpectralMatrix.Make(1024, 1024, -1);
            using Tensor tensor = new(1024, 1024);
            for (int i = 0; i < tensor.Length; i++)
                tensor.Values[i] = matrix[i / 1024, i % 1024];
            peers.Compare($"TT-matrix of 1024 x 1024 as (4, 8, 8, 4)^2, rank {rank}", tensor, "TensorTrainMatrix", new DecompositionOptions { Ranks = [rank, rank, rank] }, 2, [rank], "numpy", "pytorch", "torchtt");
        }
    }

    /// <summary>HALS, which takes the peers half a minute a run.</summary>
    public static void RunNonNegative()
    {
        using TensorPeers peers = new();
        using (Tensor tensor = Planted(0.05, 8, signed: false, 64, 64, 64))
            peers.Compare("Non-negative CP by HALS, 64 x 64 x 64 planted with 5 % of noise, rank 8, 100 sweeps", tensor, "NonNegativeCp", new DecompositionOptions { Ranks = [8], MaxIterations = 100, Rest = 0 }, 0, [8], "numpy", "pytorch");
    }

    /// <summary>DEDICOM and INDSCAL.</summary>
    public static void RunSquare()
    {
        using TensorPeers peers = new();
        using (Tensor tensor = Slices(core: true))
            peers.Compare("DEDICOM, 10 of 100 x 100 planted with 10 % of noise, rank 5", tensor, "Dedicom", new DecompositionOptions { Ranks = [5] }, 2, [5], "scikit");
        using (Tensor tensor = Slices(core: false))
            peers.Compare("INDSCAL, 10 of 100 x 100 planted with 10 % of noise, rank 5", tensor, "Indscal", new DecompositionOptions { Ranks = [5] }, 2, [5], "scikit");
    }

    // A sum of separable components and noise of a share of its norm; of a share above 1 the components are the smaller part.
    private static Tensor Planted(double noise, int rank, bool signed, params int[] shape)
    {
        Tensor tensor = new(shape), errors = new(shape);
        for (int component = 0; component < rank; component++)
        {
            double[][] vectors = [.. shape.Select((size, n) => Vector((ulong)((component * 8) + n + 1), size, signed))];
            Span<double> values = tensor.Values;
            for (int i = 0; i < values.Length; i++)
            {
                double product = 1;
                for (int n = shape.Length - 1, rest = i; n >= 0; rest /= shape[n--])
                    product *= vectors[n][rest % shape[n]];
                values[i] += product;
            }
        }
        using (errors)
        {
            new DeterministicRandom(99).FillGaussian(errors.Values);
            double scale = noise * Math.Sqrt(tensor.SquaredNorm() / errors.SquaredNorm());
            for (int i = 0; i < tensor.Length; i++)
                tensor.Values[i] += scale * errors.Values[i];
        }
        return tensor;
    }

    // X_k = A D_k R D_k A^T, or A D_k A^T with positive D_k and orthonormal A, which is all that the peer looks for; a tenth of noise.
    private static Tensor Slices(bool core)
    {
        const int Count = 10, Size = 100, Rank = 5;
        double[] a = Vector(1, Size * Rank, signed: true), r = Vector(2, Rank * Rank, signed: true), d = [.. Vector(3, Count * Rank, signed: true).Select(x => 1 + Math.Abs(x))];
        if (!core)
        {
            EmbeddedEngine engine = new(ComputeOptions.Default);
            using ITensor rows = engine.Random(5, Rank, Size);
            engine.OrthonormalizeRows(rows);
            using Matrix<float> orthonormal = engine.ToMatrix(rows);
            a = [.. Enumerable.Range(0, Size * Rank).Select(i => (double)orthonormal[i % Rank, i / Rank])];
            r = [.. Enumerable.Range(0, Rank * Rank).Select(i => i % (Rank + 1) == 0 ? 1.0 : 0)];
        }
        Tensor tensor = new(Count, Size, Size), errors = new(Count, Size, Size);
        for (int i = 0; i < tensor.Length; i++)
        {
            int k = i / (Size * Size), row = i / Size % Size, column = i % Size;
            for (int pq = 0; pq < Rank * Rank; pq++)
            {
                int p = pq / Rank, q = pq % Rank;
                tensor.Values[i] += a[(row * Rank) + p] * d[(k * Rank) + p] * r[pq] * d[(k * Rank) + q] * a[(column * Rank) + q];
            }
        }
        using (errors)
        {
            new DeterministicRandom(98).FillGaussian(errors.Values);
            for (int k = 0; !core && k < Count; k++)
            {
                // INDSCAL is of symmetric matrices.
                for (int i = 0; i < Size * Size; i++)
                {
                    if (i / Size > i % Size)
                        errors.Values[(k * Size * Size) + i] = errors.Values[(k * Size * Size) + (i % Size * Size) + (i / Size)];
                }
            }
            double scale = 0.1 * Math.Sqrt(tensor.SquaredNorm() / errors.SquaredNorm());
            for (int i = 0; i < tensor.Length; i++)
                tensor.Values[i] += scale * errors.Values[i];
        }
        return tensor;
    }

    private static double[] Vector(ulong seed, int size, bool signed)
    {
        double[] vector = new double[size];
        new DeterministicRandom(seed).FillGaussian(vector.AsSpan());
        return signed ? vector : [.. vector.Select(Math.Abs)];
    }

    // The largest kernel of 3 x 3 that is not depthwise.
    private static Tensor? Kernel()
    {
        string path = Path.GetFullPath(Path.Combine(SourceFolder(), Model));
        if (!File.Exists(path))
        {
            Console.WriteLine("   no real kernel: npm ci --ignore-scripts in tests/RealModels");
            return null;
        }
        using TensorFile file = TensorFiles.Open(path);
        TensorInfo info = file.Tensors.Where(t => t.Shape is [128, 128, 3, 3]).First();
        float[] values = new float[info.ElementCount];
        file.ReadSingles(info, 0, values);
        return Tensor.From(values, 128, 128, 3, 3);
    }

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
