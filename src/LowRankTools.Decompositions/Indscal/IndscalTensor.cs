using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Indscal;

/// <summary>
/// Symmetric matrices X_k = A diag(w_k) A^T. The factors are <c>loadings</c> A (n x r) with columns of length 1 and <c>weights</c> (K x r); the one rank is r.
/// </summary>
public sealed class IndscalTensor : Decomposition
{
    internal IndscalTensor(IReadOnlyList<int> shape, IReadOnlyList<NamedFactor> factors)
        : base(shape, [factors[0].Values.Shape[1]], factors)
    {
    }

    /// <inheritdoc/>
    public override string Method => IndscalMethod.MethodName;

    /// <summary>A, n x r.</summary>
    public Tensor Loadings => Factors[0].Values;

    /// <summary>w_k as rows, K x r.</summary>
    public Tensor Weights => Factors[1].Values;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        int rank = Loadings.Shape[1], size = Shape[1];
        using Matrix<double> scaled = Matrix<double>.Uninitialized(Shape[0] * size, rank);
        for (int row = 0; row < scaled.Rows; row++)
            RowProducts.Multiply(Loadings.Values.Slice(row % size * rank, rank), Weights.Values.Slice(row / size * rank, rank), scaled.Row(row));
        Tensor dense = Tensor.Uninitialized([.. Shape]);
        Gemm.Multiply(1, scaled.View, Loadings.Matricize(1).Transpose(), 0, dense.AsMatrix(scaled.Rows, size), options, ct);
        return dense;
    }
}
