using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Randomized;
using LowRankTools.Decompositions.RandomizedTucker;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics.Kernels.Gemm;

namespace LowRankTools.Decompositions.RandomizedCp;

/// <summary>
/// CP for large modes, <see cref="CpTensor"/>: a random sketch of each mode to somewhat more than R vectors, least squares on the small core, and its factors brought
/// back (Erichson, Manohar, Brunton, Kutz, "Randomized CP tensor decomposition", 2020; Bro and Andersson, 1998). Takes one rank and starts.
/// </summary>
public sealed class RandomizedCpMethod : DecompositionMethod
{
    private static readonly CpMethod s_inner = new();

    /// <inheritdoc/>
    public override string Name => "RandomizedCp";

    /// <inheritdoc/>
    public override string Description => "CP of large modes: random sketches, then least squares on what is left: one rank.";

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options)
    {
        base.Check(options);
        s_inner.Check(options);
    }

    /// <inheritdoc/>
    public override bool MayBeSmaller(IReadOnlyList<int> shape, DecompositionOptions options) => s_inner.MayBeSmaller(shape, options);

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => s_inner.Factors(shape, ranks);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int width = (int)Math.Min(int.MaxValue, (long)options.Ranks![0] + SketchedSubspace.Oversampling);
        using TuckerState sketch = SketchedTucker.Start(tensor, [.. tensor.Shape.Select(n => Math.Min(n, width))], options.Compute, ct);
        using CpTensor small = (CpTensor)s_inner.Decompose(sketch.Core, options, progress, ct);
        List<Tensor> factors = [];
        for (int n = 0; n < tensor.Order; n++)
        {
            // The basis is orthonormal: columns keep their lengths.
            Tensor factor = sketch.Bases[n] is { } basis ? Tensor.Uninitialized(basis.Columns, small.Weights.Length) : small.Matrices[n].Copy();
            if (sketch.Bases[n] is { } rows)
                Gemm.Multiply(1, rows.Transposed, small.Matrices[n].Matricize(1), 0, factor.Matricize(1), options.Compute, ct);
            factors.Add(factor);
        }
        CpTensor cp = new(Name, tensor.Shape, small.Weights.Copy(), factors) { Errors = small.Errors, Iterations = small.Iterations, Converged = small.Converged };
        cp.RelativeError = cp.ErrorAgainst(tensor, options.Compute, ct);
        return cp;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) =>
        new CpTensor(Name, shape, factors[0].Values, [.. factors.Skip(1).Select(f => f.Values)]);
}
