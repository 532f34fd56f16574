using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.NonNegativeTucker;

/// <summary>
/// X = G x_1 U_1 ... x_d U_d without negative entries. The factors are <c>core</c> G (R_1 x ... x R_d) and <c>factor0</c>, <c>factor1</c>, ... (I_n x R_n), of every
/// mode and not orthonormal; the ranks are R_1 to R_d.
/// </summary>
public sealed class NonNegativeTuckerTensor : Decomposition
{
    internal NonNegativeTuckerTensor(IReadOnlyList<int> shape, IReadOnlyList<NamedFactor> factors)
        : base(shape, factors[0].Values.Shape, factors)
    {
    }

    /// <inheritdoc/>
    public override string Method => NonNegativeTuckerMethod.MethodName;

    /// <summary>G.</summary>
    public Tensor Core => Factors[0].Values;

    /// <summary>U_n, I_n x R_n.</summary>
    /// <param name="mode">n, from 0.</param>
    public Tensor Factor(int mode) => Factors[mode + 1].Values;

    /// <summary>Relative error after every sweep.</summary>
    public IReadOnlyList<double> Errors { get; internal init; } = [];

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        Tensor product = Core.Copy();
        for (int n = 0; n < Shape.Count; n++)
        {
            using Tensor left = product;
            product = ModeProduct.Multiply(left, n, Factor(n).Matricize(1), options, ct);
        }
        return product;
    }
}
