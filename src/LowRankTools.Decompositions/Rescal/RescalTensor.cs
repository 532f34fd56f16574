using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Rescal;

/// <summary>
/// Square matrices X_k = A R_k A^T. The factors are <c>entities</c> A (n x r) of orthonormal columns and <c>relations</c> R (K x r x r); the one rank is r.
/// </summary>
public sealed class RescalTensor : Decomposition
{
    internal RescalTensor(IReadOnlyList<int> shape, IReadOnlyList<NamedFactor> factors)
        : base(shape, [factors[0].Values.Shape[1]], factors)
    {
    }

    /// <inheritdoc/>
    public override string Method => RescalMethod.MethodName;

    /// <summary>A, n x r.</summary>
    public Tensor Entities => Factors[0].Values;

    /// <summary>R_k, K x r x r.</summary>
    public Tensor Relations => Factors[1].Values;

    /// <summary>Relative error after the start and after every sweep: none is larger than the one before it.</summary>
    public IReadOnlyList<double> Errors { get; internal init; } = [];

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Tensor half = ModeProduct.Multiply(Relations, 1, Entities.Matricize(1), options, ct);
        return ModeProduct.Multiply(half, 2, Entities.Matricize(1), options, ct);
    }
}
