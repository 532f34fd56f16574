using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Dedicom;

/// <summary>
/// Square matrices X_k = A D_k R D_k A^T with diagonal D_k. The factors are <c>loadings</c> A (n x r) and <c>diagonals</c> (K x r), both with columns of length 1, and
/// <c>core</c> R (r x r); the one rank is r.
/// </summary>
public sealed class DedicomTensor : Decomposition
{
    internal DedicomTensor(IReadOnlyList<int> shape, IReadOnlyList<NamedFactor> factors)
        : base(shape, [factors[0].Values.Shape[1]], factors)
    {
    }

    /// <inheritdoc/>
    public override string Method => DedicomMethod.MethodName;

    /// <summary>A, n x r.</summary>
    public Tensor Loadings => Factors[0].Values;

    /// <summary>Diagonals of D_k as rows, K x r.</summary>
    public Tensor Diagonals => Factors[1].Values;

    /// <summary>R, r x r.</summary>
    public Tensor Core => Factors[2].Values;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        int rank = Loadings.Shape[1];
        using Tensor cores = Tensor.Uninitialized(Shape[0], rank, rank);
        for (int k = 0; k < Shape[0]; k++)
        {
            ReadOnlySpan<double> d = Diagonals.Values.Slice(k * rank, rank);
            for (int i = 0; i < rank * rank; i++)
                cores.Values[(k * rank * rank) + i] = d[i / rank] * Core.Values[i] * d[i % rank];
        }
        using Tensor half = ModeProduct.Multiply(cores, 1, Loadings.Matricize(1), options, ct);
        return ModeProduct.Multiply(half, 2, Loadings.Matricize(1), options, ct);
    }
}
