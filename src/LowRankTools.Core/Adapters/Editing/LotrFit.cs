using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// The outer factors that deltas of one shape share, and the core of each: Tucker-2 of the deltas stacked to a tensor (layers x out x in), by
/// ST-HOSVD and HOOI, <see cref="TuckerTensor"/>, whose mode of layers stays in the core.
/// </summary>
internal static class LotrFit
{
    /// <summary>Most entries of the stack: what a tensor can have.</summary>
    public const long MostEntries = int.MaxValue;

    /// <summary>Orthonormal L and R and the cores.</summary>
    /// <param name="stack">The deltas, N x out x in.</param>
    /// <param name="rank">A rank for both factors, or a share of the energy of all deltas together.</param>
    /// <param name="threads">Threads; zero for all.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>L as out x p, R as q x in, the cores as N x p x q: the caller's.</returns>
    public static (Matrix<double> Left, Matrix<double> Right, Tensor Cores) Compute(Tensor stack, AdapterRank rank, int threads, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        int? most = rank is AdapterRank.Fixed f ? Math.Min(f.Value, rank.MaxRank ?? int.MaxValue) : rank.MaxRank;
        DecompositionOptions options = new()
        {
            Ranks = most is { } r ? [r] : null,
            Tolerance = rank is AdapterRank.Energy e ? Math.Sqrt(1 - e.Share) : null,
            Modes = [1, 2],
            Compute = new ComputeOptions { ThreadCount = threads },
        };
        using TuckerTensor tucker = (TuckerTensor)DecompositionMethods.Find("Tucker").Decompose(stack, options, progress, cancellationToken);
        Matrix<double> left = tucker.Factor(1) is { } u ? u.Matricize(1).ToMatrix() : Identity(stack.Shape[1]);
        Matrix<double> right = tucker.Factor(2) is { } v ? v.Matricize(1).Transpose().ToMatrix() : Identity(stack.Shape[2]);
        return (left, right, tucker.Core.Copy());
    }

    /// <summary>What became of one module, whose core is the projection of its delta onto orthonormal factors.</summary>
    /// <param name="name">The module.</param>
    /// <param name="outputs">Outputs.</param>
    /// <param name="inputs">Inputs, and the kernel's sizes.</param>
    /// <param name="rankBefore">Rank of the delta before, or its largest possible one.</param>
    /// <param name="squaredNorm">||Delta||^2.</param>
    /// <param name="core">M.</param>
    public static AdapterModuleResult Result(string name, long outputs, long[] inputs, int rankBefore, double squaredNorm, MatrixView<double> core)
    {
        double kept = SquaredNorm(core);
        return new AdapterModuleResult
        {
            Name = name, Shape = [outputs, .. inputs], RankBefore = rankBefore, Rank = core.SmallerSide, Norm = Math.Sqrt(squaredNorm),
            RelativeError = squaredNorm == 0 ? 0 : Math.Sqrt(Math.Max(0, 1 - (kept / squaredNorm))),
        };
    }

    /// <summary>Core i of a stack.</summary>
    public static MatrixView<double> Core(Tensor cores, int i) => cores.AsMatrix(cores.Shape[0] * cores.Shape[1], cores.Shape[2]).Slice(i * cores.Shape[1], 0, cores.Shape[1], cores.Shape[2]);

    /// <summary>The same entries in float32.</summary>
    public static Matrix<float> Single(MatrixView<double> matrix)
    {
        Matrix<float> narrow = Matrix<float>.Uninitialized(matrix.Rows, matrix.Columns);
        for (int i = 0; i < matrix.Rows; i++)
        {
            for (int j = 0; j < matrix.Columns; j++)
                narrow[i, j] = (float)matrix[i, j];
        }
        return narrow;
    }

    /// <summary>Copies entries, widened.</summary>
    public static void Put(MatrixView<float> from, MatrixView<double> to)
    {
        for (int i = 0; i < to.Rows; i++)
        {
            for (int j = 0; j < to.Columns; j++)
                to[i, j] = from[i, j];
        }
    }

    /// <summary>||A||^2.</summary>
    public static double SquaredNorm(MatrixView<double> matrix)
    {
        double sum = 0;
        for (int i = 0; i < matrix.Rows; i++)
        {
            for (int j = 0; j < matrix.Columns; j++)
                sum += matrix[i, j] * matrix[i, j];
        }
        return sum;
    }

    private static Matrix<double> Identity(int size)
    {
        Matrix<double> identity = new(size, size);
        for (int i = 0; i < size; i++)
            identity[i, i] = 1;
        return identity;
    }
}
