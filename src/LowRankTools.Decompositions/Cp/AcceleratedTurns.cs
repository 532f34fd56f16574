namespace LowRankTools.Decompositions.Cp;

/// <summary>
/// Turns each of which makes factors better, until little changes. Between turns a step beyond the last one is tried and kept where it is better
/// (Rajih, Comon, Harshman, 2008): longer with every turn, shorter and rarer where it was not.
/// </summary>
/// <param name="nonNegative">Whether a step ends where an entry would become negative.</param>
internal abstract class AcceleratedTurns(bool nonNegative)
{
    private const int FirstStep = 3, LongestWait = 6;

    /// <summary>Relative error after each turn so far.</summary>
    public List<double> Errors { get; } = [];

    /// <summary>Whether the last turn changed less than was asked.</summary>
    public bool Converged { get; private set; }

    /// <summary>Turns until little changes.</summary>
    /// <param name="factors">The start; freed.</param>
    /// <param name="turns">Most turns.</param>
    /// <param name="rest">Change of the relative error below which it rests.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    public CpFactors Run(CpFactors factors, int turns, double rest, Action<double>? progress)
    {
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
                    bool better = IsBetter(beyond);
                    (better ? factors : beyond).Dispose();
                    if (better)
                        (factors, wait, failures) = (beyond, 1, 0);
                    else
                        (power, wait) = (power + 1, Math.Min(LongestWait, 2 + ++failures));
                }
                before?.Dispose();
                before = factors.Copy();
                Errors.Add(Turn(factors, rest));
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

    /// <summary>Whether a step has an error below that of the last turn; what told so may serve the next turn.</summary>
    private protected abstract bool IsBetter(CpFactors beyond);

    /// <summary>Makes factors better in place and gives their error.</summary>
    private protected abstract double Turn(CpFactors factors, double rest);
}
