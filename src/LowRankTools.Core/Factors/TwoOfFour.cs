using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Factors;

/// <summary>
/// Zeros for two of every four neighbouring inputs of each output, the pattern that sparse matrix units multiply by at twice the speed (Mishra et al.,
/// Accelerating sparse deep neural networks, 2021). Which two: those of the least |w|, or of the least |w| ||x|| where the
/// inputs' norms are known (Sun et al., A simple and effective pruning approach for large language models, 2024), whose squares are
/// what each alone adds to the squared error at the output.
/// </summary>
internal static class TwoOfFour
{
    /// <summary>Neighbours that share a choice.</summary>
    public const int Group = 4;

    private const int Zeroed = 2;

    /// <summary>Zeroes entries in place; of equals the later ones.</summary>
    /// <param name="weight">W, out x in, in a multiple of four.</param>
    /// <param name="inputs">Squared norms of the inputs; null for the weights alone.</param>
    /// <param name="cancellationToken">Stops between outputs.</param>
    /// <returns>Entries that are zero in the pattern, whatever they were.</returns>
    public static long Apply(MatrixView<float> weight, Func<int, double>? inputs, CancellationToken cancellationToken)
    {
        Span<double> scores = stackalloc double[Group];
        for (int i = 0; i < weight.Rows; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int first = 0; first < weight.Columns; first += Group)
            {
                for (int k = 0; k < Group; k++)
                    scores[k] = (double)weight[i, first + k] * weight[i, first + k] * (inputs?.Invoke(first + k) ?? 1);
                for (int done = 0; done < Zeroed; done++)
                {
                    int least = Group - 1;
                    for (int k = Group - 2; k >= 0; k--)
                    {
                        if (scores[k] < scores[least])
                            least = k;
                    }
                    scores[least] = double.PositiveInfinity;
                    weight[i, first + least] = 0;
                }
            }
        }
        return (long)weight.Rows * weight.Columns / Group * Zeroed;
    }
}
