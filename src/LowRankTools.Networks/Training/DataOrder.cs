using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Training;

/// <summary>
/// In which order a training sees its examples: all of them in a random order, then all again in another, and so on. Place and seed
/// alone say which example comes, so that a training can go on anywhere.
/// </summary>
/// <param name="seed">Chooses the orders.</param>
/// <param name="count">Number of examples, at least 1.</param>
public sealed class DataOrder(ulong seed, int count)
{
    private readonly DeterministicRandom _seeds = new(seed);
    private long _epoch = -1;
    private int[] _order = [];

    /// <summary>Numbers of the examples at some places in a row.</summary>
    /// <param name="first">The first place, from 0 on.</param>
    /// <param name="places">How many.</param>
    public int[] Take(long first, int places) => [.. Enumerable.Range(0, places).Select(i => At(first + i))];

    private int At(long place)
    {
        (long epoch, long index) = Math.DivRem(place, count);
        if (epoch != _epoch)
        {
            // Fisher and Yates.
            var random = new DeterministicRandom(_seeds.BitsAt((ulong)epoch));
            int[] order = [.. Enumerable.Range(0, count)];
            for (int i = count - 1; i > 0; i--)
            {
                int j = random.Next(i + 1);
                (order[i], order[j]) = (order[j], order[i]);
            }

            (_epoch, _order) = (epoch, order);
        }

        return _order[index];
    }
}
