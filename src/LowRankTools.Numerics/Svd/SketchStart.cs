using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The start of a block Krylov space. S A for a sparse random S (count x m) adds row i of A, with a random sign, to sum
/// i mod count (the count sketch of Clarkson and Woodruff, 2013): one look at A instead of a product with random numbers.
/// More sums than the start has columns cost no more, and A^T S^T S A is A^T A on the average: one step of subspace
/// iteration with it turns the start towards the leading components for a small part of what a step with A costs.
/// </summary>
internal static class SketchStart
{
    // Sums for each column of the start where A has rows enough for them.
    private const int SumsPerColumn = 4;
    private const int LeastRowsPerSum = 2;

    /// <summary>A start of count columns for the row space of A, of A's own scale or orthonormalised and multiplied by its square.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, m x n.</param>
    /// <param name="count">Columns of the start.</param>
    /// <param name="factor">About 1 / ||A||, which keeps squares from overflowing.</param>
    /// <param name="seed">Chooses S.</param>
    /// <param name="ct">Stops the computation.</param>
    public static ITensor Make(ITensorEngine engine, ITensor a, int count, double factor, ulong seed, CancellationToken ct)
    {
        float[] signs = new float[a.Shape[0]];
        new DeterministicRandom(seed).FillSigns<float>(signs);
        bool many = signs.Length >= LeastRowsPerSum * SumsPerColumn * count;
        ITensor sums = engine.SignedSums(a, signs, many ? SumsPerColumn * count : count, ct);
        if (!many) return sums;
        using (sums) return Sharpened(engine, sums, count, factor, seed, ct);
    }

    // Y Y^T X for the sums Y (n x many) and X the orthonormalised mixture of Y's columns.
    private static ITensor Sharpened(ITensorEngine engine, ITensor sums, int count, double factor, ulong seed, CancellationToken ct)
    {
        using ITensor mixture = engine.Random(seed, sums.Shape[1], count), along = engine.Create(ElementType.Float32, sums.Shape[1], count);
        ITensor start = engine.Create(ElementType.Float32, sums.Shape[0], count);
        engine.MatMul(factor, sums, mixture, 0, start, ct);
        engine.OrthonormalizeRows(engine.Transpose(start), ct);
        engine.MatMul(factor, engine.Transpose(sums), start, 0, along, ct);
        engine.MatMul(factor, sums, along, 0, start, ct);
        return start;
    }
}
