using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tucker;

/// <summary>
/// A Tucker decomposition: X = G x_1 U_1 ... x_d U_d with a core G (R_1 x ... x R_d) and factors U_n (I_n x R_n) of orthonormal columns
/// (Tucker, 1966). A mode whose rank is its size stays in the core and has no factor: that is what a partial decomposition is. The factors
/// are <c>core</c> and, for the modes that have one, <c>factor0</c>, <c>factor1</c>, ...; the ranks are R_1 to R_d.
/// </summary>
public sealed class TuckerTensor : Decomposition
{
    private readonly Tensor _core;
    private readonly (int Mode, Tensor Matrix)[] _factors;

    internal TuckerTensor(IReadOnlyList<int> shape, Tensor core, IReadOnlyList<(int Mode, Tensor Matrix)> factors)
        : base(shape, core.Shape, [new NamedFactor("core", core), .. factors.Select(f => new NamedFactor(NameOf(f.Mode), f.Matrix))])
    {
        _core = core;
        _factors = [.. factors];
    }

    /// <inheritdoc/>
    public override string Method => TuckerMethod.MethodName;

    /// <summary>G.</summary>
    public Tensor Core => _core;

    /// <summary>Relative error after the direct start and after every sweep of HOOI: none is larger than the one before it, up to rounding.</summary>
    public IReadOnlyList<double> Errors { get; internal init; } = [];

    /// <summary>U_n, I_n x R_n; null for a mode that stays in the core.</summary>
    /// <param name="mode">n, from 0.</param>
    public Tensor? Factor(int mode) => _factors.FirstOrDefault(f => f.Mode == mode).Matrix;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        Tensor product = _core.Copy();
        // Modes that grow least come first: the others then multiply less.
        foreach ((int mode, Tensor matrix) in _factors.OrderBy(f => (double)f.Matrix.Shape[0] / f.Matrix.Shape[1]))
        {
            using Tensor left = product;
            product = ModeProduct.Multiply(left, mode, matrix.Matricize(1), options, ct);
        }
        return product;
    }

    internal static string NameOf(int mode) => $"factor{mode}";
}
