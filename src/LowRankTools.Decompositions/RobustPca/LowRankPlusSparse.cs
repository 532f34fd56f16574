using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.RobustPca;

/// <summary>
/// A matrix as the sum of one of low rank and one with few entries: X = A B + S. The factors are <c>left</c> (m x r), <c>right</c> (r x n) and
/// <c>sparse</c> (m x n, zeros and all); the one rank is r.
/// </summary>
public sealed class LowRankPlusSparse : Decomposition
{
    internal LowRankPlusSparse(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors)
        : base(shape, ranks, factors)
    {
    }

    /// <inheritdoc/>
    public override string Method => RobustPcaMethod.MethodName;

    /// <summary>A, m x r.</summary>
    public Tensor Left => Factors[0].Values;

    /// <summary>B, r x n.</summary>
    public Tensor Right => Factors[1].Values;

    /// <summary>S, m x n.</summary>
    public Tensor Sparse => Factors[2].Values;

    /// <summary>Entries of S that are not zero.</summary>
    public int SparseEntries
    {
        get
        {
            int count = 0;
            foreach (double value in Sparse.Values)
                count += value == 0 ? 0 : 1;
            return count;
        }
    }

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        Tensor dense = Sparse.Copy();
        Gemm.Multiply(1, Left.Matricize(1), Right.Matricize(1), 1, dense.Matricize(1), options, ct);
        return dense;
    }
}
