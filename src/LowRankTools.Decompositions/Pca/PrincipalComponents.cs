using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Pca;

/// <summary>
/// Rows about their mean in few orthonormal directions: X = 1 m^T + T C (Pearson, 1901; Hotelling, 1933). The factors are <c>mean</c> (n),
/// <c>scores</c> (samples x r) and <c>components</c> (r x n) with orthonormal rows, of most variance first; the one rank is r.
/// </summary>
public sealed class PrincipalComponents : Decomposition
{
    internal PrincipalComponents(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors)
        : base(shape, ranks, factors)
    {
    }

    /// <inheritdoc/>
    public override string Method => PcaMethod.MethodName;

    /// <summary>m, n values.</summary>
    public Tensor Mean => Factors[0].Values;

    /// <summary>T, samples x r.</summary>
    public Tensor Scores => Factors[1].Values;

    /// <summary>C, r x n.</summary>
    public Tensor Components => Factors[2].Values;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        Tensor dense = Tensor.Uninitialized([.. Shape]);
        for (int i = 0; i < Shape[0]; i++)
            Mean.Values.CopyTo(dense.Values.Slice(i * Shape[1], Shape[1]));
        Gemm.Multiply(1, Scores.Matricize(1), Components.Matricize(1), 1, dense.Matricize(1), options, ct);
        return dense;
    }
}
