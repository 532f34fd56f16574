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
internal sealed class ImputedLeastSquares(Tensor tensor, MissingEntries missing, bool nonNegative, ComputeOptions options, CancellationToken ct)
{
    private const int FirstStep = 3, LongestWait = 6;

    /// <summary>Relative error over the known entries after each turn.</summary>
    public List<double> Errors { get; } = [];

    /// <summary>Whether the last turn changed less than was asked.</summary>
    public bool Converged { get; private set; }

    /// <summary>Turns until little changes.</summary>
    /// <param name="start">The start for a tensor without missing entries.</param>
    /// <param name="turns">Most turns.</param>
    /// <param name="rest">Change of the error below which it rests.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    public CpFactors Run(Func<Tensor, CpFactors> start, int turns, double rest, Action<double>? progress)
    {
        using Tensor filled = missing.Filled(tensor);
        CpFactors factors = start(filled);
        CpFactors? before = null;
        double power = 2;
        int wait = FirstStep, failures = 0;
        try
        {
            while (!Converged && Errors.Count < turns)
            {
                if (before is not null && --wait <= 0)
                {
                    CpFactors beyond = factors.Beyond(before, Math.Pow(Errors.Count, 1 / power), nonNegative ? 0 : double.NegativeInfinity);
                    bool better = Impute(beyond, filled, Errors[^1]) < Errors[^1];
                    (better ? factors : beyond).Dispose();
                    if (better)
                        (factors, wait, failures) = (beyond, 1, 0);
                    else
                        (power, wait) = (power + 1, Math.Min(LongestWait, 2 + ++failures));
                }
                before?.Dispose();
                before = factors.Copy();
                factors = new AlternatingLeastSquares(filled, nonNegative, options, ct).Run(factors, 1, rest, null);
                Errors.Add(Impute(factors, filled, double.PositiveInfinity));
                Converged = Errors.Count > 1 && Errors[^2] - Errors[^1] < rest;
                progress?.Invoke((double)Errors.Count / turns);
            }
            return factors;
        }
        catch
        {
            factors.Dispose();
            throw;
        }
        finally
        {
            before?.Dispose();
        }
    }

    // The error over the known entries; where it is below the limit the missing ones become the model's.
    private double Impute(CpFactors factors, Tensor filled, double limit)
    {
        using Tensor model = CpProducts.Dense(factors.Matrices, options, ct);
        double error = missing.Error(tensor, model);
        if (error < limit)
            missing.Fill(filled, model);
        return error;
    }
}
