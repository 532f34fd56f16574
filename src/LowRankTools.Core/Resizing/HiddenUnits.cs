using LowRankTools.Core.Calibration;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// Chooses the hidden units of a feed-forward part y = W a that stay, a (n) being the units' activations with C = sum of a a^T, and gives W' over
/// those: W' = W C S (S^T C S)^+, the least squares fit of W a by the units that S (n x k) selects. What is lost then is W N W^T with the
/// error of Nystroem's approximation, N = C - C S (S^T C S)^+ S^T C (Lin et al., "MoDeGPT: Modular Decomposition for Large Language Model
/// Compression", 2024, type I).
/// </summary>
/// <param name="engine">What computes.</param>
/// <param name="activations">C, n x n, damped.</param>
/// <param name="cancellationToken">Stops the computation.</param>
internal sealed class HiddenUnits(ITensorEngine engine, Matrix<double> activations, CancellationToken cancellationToken)
{
    private int Count => activations.Rows;

    /// <summary>The k units of the largest scores [C (C + r I)^-1]_ii, r being the mean of C's diagonal: how little the others say of a unit. Ascending.</summary>
    public int[] ByLeverage(int kept)
    {
        double ridge = 0;
        for (int i = 0; i < Count; i++)
            ridge += activations[i, i] / Count;
        using Gram regular = Gram.Of(activations.Copy()), more = regular.Plus(ridge);
        using ITensor inverse = Inverse(more.Dense!);
        // [C (C + r I)^-1]_ii = 1 - r [(C + r I)^-1]_ii: the order of falling scores is that of rising entries.
        double[] entries = Diagonal(inverse);
        return [.. Enumerable.Range(0, Count).OrderBy(i => entries[i]).Take(kept).Order()];
    }

    /// <summary>
    /// The k units that are left when, one at a time, the unit j goes that adds the least, v_j^T v_j / [C_S^-1]_jj with V = T W refitted to the units S
    /// that are left and T^T T = H, what weighs the outputs (the optimal brain surgeon's step, Hassibi and Stork, 1992, of whole columns). Ascending.
    /// </summary>
    /// <param name="weight">W, m x n.</param>
    /// <param name="outputs">H, m x m; null for I.</param>
    /// <param name="kept">k.</param>
    public int[] ByElimination(Matrix<double> weight, Gram? outputs, int kept)
    {
        // V is kept turned, a row for each unit: rows are what leaves and what is summed over.
        using ITensor inverse = Inverse(activations), fitted = LeastSquares.Turned(engine, weight, outputs, cancellationToken);
        double[] diagonal = Diagonal(inverse);
        List<int> left = [.. Enumerable.Range(0, Count)];
        while (left.Count > kept)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double[] norms = engine.SquaredRowNorms(fitted);
            int gone = left.MinBy(j => norms[j] / Math.Max(diagonal[j], double.Epsilon));
            left.Remove(gone);
            // A pivot of zero is of a unit that is always zero: there is nothing to hand over to the others.
            if (diagonal[gone] <= 0)
                continue;
            // P - p p^T / p_j over the units that are left is the inverse of their C, and V - p v_j^T / p_j the fit to them.
            using ITensor row = engine.Slice(inverse, gone, 1), handed = engine.Slice(fitted, gone, 1), p = engine.Copy(row, ElementType.Float64), v = engine.Copy(handed, ElementType.Float64);
            ITensor column = engine.Transpose(p);
            double factor = -1 / diagonal[gone];
            engine.MatMul(factor, column, v, 1, fitted, cancellationToken);
            engine.MatMul(factor, column, p, 1, inverse, cancellationToken);
            double[] shared = engine.ToArray(p);
            foreach (int i in left)
                diagonal[i] += factor * shared[i] * shared[i];
        }
        return [.. left];
    }

    /// <summary>W' = W C S (S^T C S)^+, m x k.</summary>
    /// <param name="weight">W, m x n.</param>
    /// <param name="units">Columns of S: the units that stay.</param>
    public Matrix<double> Fit(Matrix<double> weight, int[] units)
    {
        using Matrix<double> columns = Matrix<double>.Uninitialized(Count, units.Length), square = Matrix<double>.Uninitialized(units.Length, units.Length);
        for (int i = 0; i < Count; i++)
            Gather(activations.Row(i), units, columns.Row(i));
        for (int i = 0; i < units.Length; i++)
            Gather(activations.Row(units[i]), units, square.Row(i));
        return LeastSquares.Fit(engine, weight, columns, square, cancellationToken);
    }

    private static void Gather(ReadOnlySpan<double> row, int[] units, Span<double> into)
    {
        for (int j = 0; j < units.Length; j++)
            into[j] = row[units[j]];
    }

    private ITensor Inverse(Matrix<double> matrix)
    {
        using GramRoot root = new(engine, matrix, cancellationToken);
        return Product(engine.Transpose(root.InverseTransposed), root.InverseTransposed);
    }

    private double[] Diagonal(ITensor square)
    {
        using Matrix<double> entries = HostMatrix.Of(engine, square);
        return [.. Enumerable.Range(0, entries.Rows).Select(i => entries[i, i])];
    }

    private ITensor Product(ITensor a, ITensor b) => LeastSquares.Product(engine, a, b, cancellationToken);
}
