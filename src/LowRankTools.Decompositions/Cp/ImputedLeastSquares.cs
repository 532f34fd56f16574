using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>
/// CP of the known entries of a tensor: in turns a sweep of <see cref="AlternatingLeastSquares"/> over the tensor whose missing entries are those of the model, and
/// the model's entries put in their place, which is expectation and maximisation (Tomasi and Bro, "PARAFAC and missing values", 2005). No turn makes the error over the known
/// entries larger; steps beyond a turn are tried as between sweeps and kept where they are better. A slice of nothing known gets what its start gives it.
/// </summary>
/// <param name="tensor">X.</param>
/// <param name="missing">Its missing entries.</param>
/// <param name="nonNegative">Whether factors have no negative entry.</param>
/// <param name="options">Threads.</param>
/// <param name="ct">Stops the computation.</param>
internal sealed class ImputedLeastSquares(Tensor tensor, MissingEntries missing, bool nonNegative, ComputeOptions options, CancellationToken ct) : AcceleratedTurns(nonNegative), IDisposable
{
    private readonly bool _nonNegative = nonNegative;

    /// <summary>The tensor with something in place of its missing entries: what a start is made of, and after a turn what the model says.</summary>
    public Tensor Filled { get; } = missing.Filled(tensor);

    /// <inheritdoc/>
    public void Dispose() => Filled.Dispose();

    private protected override bool IsBetter(CpFactors beyond) => Impute(beyond, Errors[^1]) < Errors[^1];

    private protected override double Turn(CpFactors factors, double rest)
    {
        new AlternatingLeastSquares(Filled, _nonNegative, options, ct).Run(factors, 1, rest, null);
        return Impute(factors, double.PositiveInfinity);
    }

    // The error over the known entries; where it is below the limit the missing ones become the model's.
    private double Impute(CpFactors factors, double limit)
    {
        using Tensor model = CpProducts.Dense(factors.Matrices, options, ct);
        double error = missing.Error(tensor, model);
        if (error < limit)
            missing.Fill(Filled, model);
        return error;
    }
}
