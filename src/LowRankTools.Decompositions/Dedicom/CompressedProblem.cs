using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Decompositions.Dedicom;

/// <summary>Residuals of compressed square matrices X_k in the unknowns A (n x r), then D (K x r), then what else there is, and points to start from.</summary>
/// <param name="tensor">X, K x n x n.</param>
/// <param name="rank">r.</param>
internal abstract class CompressedProblem(Tensor tensor, int rank) : IResiduals
{
    /// <inheritdoc/>
    public abstract int Count { get; }

    /// <inheritdoc/>
    public abstract int Unknowns { get; }

    /// <summary>Whether there is a core R (r x r) after A and D.</summary>
    public abstract bool HasCore { get; }

    /// <summary>Fewest starts before one is believed to be the best.</summary>
    public abstract int LeastStarts { get; }

    /// <summary>X.</summary>
    protected Tensor Tensor => tensor;

    /// <summary>K.</summary>
    protected int Slices => tensor.Shape[0];

    /// <summary>n.</summary>
    protected int Size => tensor.Shape[1];

    /// <summary>r.</summary>
    protected int Rank => rank;

    /// <inheritdoc/>
    public abstract void Evaluate(ReadOnlySpan<double> point, Span<double> residuals);

    /// <inheritdoc/>
    public abstract void Differentiate(ReadOnlySpan<double> point, Matrix<double> derivatives);

    /// <summary>A point to start from.</summary>
    /// <param name="number">0, 1, ...</param>
    /// <param name="seed">Chooses it.</param>
    /// <param name="ct">Stops the computation.</param>
    public abstract double[] Start(int number, ulong seed, CancellationToken ct);

    /// <summary>Random numbers; diagonals about one where that is asked for, since matrices that are alike but for their scales are the common case.</summary>
    protected double[] Random(bool alike, ulong seed)
    {
        double[] point = new double[Unknowns];
        new DeterministicRandom(seed).FillGaussian<double>(point);
        for (int i = 0; i < point.Length; i++)
        {
            bool diagonal = i >= Size * rank && i < (Size + Slices) * rank;
            point[i] = diagonal && alike ? 1 + (0.3 * point[i]) : point[i] / Math.Sqrt(rank);
        }
        return point;
    }
}
