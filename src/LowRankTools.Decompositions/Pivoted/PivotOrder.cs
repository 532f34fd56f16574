using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Pivoted;

/// <summary>Where the rows of a matrix are in a pivoted pair.</summary>
public static class PivotOrder
{
    /// <summary>For each row its place: below the rank that among the kept rows, otherwise the rank and its place among the others.</summary>
    /// <param name="pivots">One number for each row: 1 for a kept one, 0 for others.</param>
    /// <param name="rank">How many are kept.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: another number, or as many ones as the rank are not there.</exception>
    public static IReadOnlyList<int> Of(ReadOnlySpan<double> pivots, int rank)
    {
        int[] order = new int[pivots.Length];
        int kept = 0, others = rank;
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = pivots[i] switch
            {
                1 => kept++,
                0 => others++,
                _ => throw TensorShapes.Mismatch($"Pivots are zeros and ones, and number {i} is {pivots[i]}."),
            };
        }
        return kept == rank ? order : throw TensorShapes.Mismatch($"{kept} rows are kept, and the rank is {rank}.");
    }
}
