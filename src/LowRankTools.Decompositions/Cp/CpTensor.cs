using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>
/// A canonical polyadic decomposition: X = sum over r of w_r a_r (x) b_r (x) ... (Hitchcock, 1927; Harshman, 1970; Carroll and Chang,
/// 1970). The factors are <c>weights</c> (R), descending and not negative, and <c>factor0</c>, <c>factor1</c>, ... (I_n x R) with columns of length
/// 1; the one rank is R.
/// </summary>
public sealed class CpTensor : Decomposition
{
    private readonly Tensor _weights;
    private readonly Tensor[] _factors;

    internal CpTensor(string method, IReadOnlyList<int> shape, Tensor weights, IReadOnlyList<Tensor> factors)
        : base(shape, [weights.Length], [new NamedFactor("weights", weights), .. factors.Select((f, n) => new NamedFactor($"factor{n}", f))])
    {
        Method = method;
        _weights = weights;
        _factors = [.. factors];
    }

    /// <inheritdoc/>
    public override string Method { get; }

    /// <summary>w, R values.</summary>
    public Tensor Weights => _weights;

    /// <summary>Matrix n has the vectors of mode n as columns, I_n x R.</summary>
    public IReadOnlyList<Tensor> Matrices => _factors;

    /// <summary>Relative error after every sweep of the start that was kept: none is larger than the one before it, up to rounding.</summary>
    public IReadOnlyList<double> Errors { get; internal init; } = [];

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        List<Matrix<double>> matrices = [.. _factors.Select(f => f.Matricize(1).ToMatrix())];
        try
        {
            for (int i = 0; i < matrices[0].Rows; i++)
                RowProducts.Multiply(matrices[0].Row(i), _weights.Values, matrices[0].Row(i));
            return CpProducts.Dense(matrices, options, ct);
        }
        finally
        {
            matrices.ForEach(m => m.Dispose());
        }
    }
}
