using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Cp;

/// <summary>
/// HALS (Cichocki, Zdunek, Amari, 2007): column after column of a factor becomes the best one without negative entries for all others as
/// they are, a = max(0, a + (m - A v) / v_rr); no such step makes the error larger.
/// </summary>
internal static class HierarchicalUpdate
{
    /// <summary>The factor after the passes.</summary>
    /// <param name="current">A before, I x R, no entry negative.</param>
    /// <param name="projected">M, I x R: the tensor's unfolding times the Khatri-Rao product of the other factors.</param>
    /// <param name="gram">V, R x R.</param>
    /// <param name="passes">Passes over the columns: a second one costs little beside the product of the tensor that it uses.</param>
    public static Matrix<double> Solve(Matrix<double> current, Matrix<double> projected, Matrix<double> gram, int passes = 2)
    {
        Matrix<double> factor = current.Copy();
        for (int i = 0; i < factor.Rows; i++)
        {
            Span<double> row = factor.Row(i);
            ReadOnlySpan<double> m = projected.Row(i);
            for (int pass = 0; pass < passes; pass++)
            {
                for (int r = 0; r < row.Length; r++)
                {
                    ReadOnlySpan<double> v = gram.Row(r);
                    // A component of length zero is lost to this mode; it stays what it was.
                    if (v[r] > 0)
                        row[r] = Math.Max(0, row[r] + ((m[r] - Sums.OfProducts(row, v)) / v[r]));
                }
            }
        }
        return factor;
    }
}
