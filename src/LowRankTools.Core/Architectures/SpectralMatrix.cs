using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// Matrices with a spectrum that is known exactly: W = P diag(s) Q^T, where P and Q are products of random signs and
/// Walsh-Hadamard transforms, orthogonal and fast to apply. Both sides are powers of two.
/// </summary>
internal static class SpectralMatrix
{
    /// <summary>Fills a matrix with singular values i^-decay, scaled to the given root mean square of its entries.</summary>
    /// <param name="rows">A power of two.</param>
    /// <param name="columns">A power of two.</param>
    /// <param name="decay">Exponent: 0 is flat, trained layers lie around 0.3 to 1.</param>
    /// <param name="rms">Root mean square of the entries.</param>
    /// <param name="seed">Seed of the signs.</param>
    public static Matrix<float> Create(int rows, int columns, double decay, double rms, int seed)
    {
        int rank = Math.Min(rows, columns);
        double[] values = [.. Enumerable.Range(1, rank).Select(i => Math.Pow(i, -decay))];
        double scale = rms * Math.Sqrt((double)rows * columns / values.Sum(s => s * s));
        Matrix<float> matrix = new(rows, columns);
        for (int i = 0; i < rank; i++)
            matrix[i, i] = (float)(values[i] * scale);
        Random random = new(seed);
        for (int round = 0; round < 2; round++)
        {
            MixRows(matrix, Signs(random, columns));
            MixColumns(matrix, Signs(random, rows));
        }
        return matrix;
    }

    private static float[] Signs(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(2) == 0 ? -1f : 1f)];

    /// <summary>Transforms every row: W becomes W D H / sqrt(n).</summary>
    private static void MixRows(Matrix<float> matrix, float[] signs)
    {
        float scale = 1 / MathF.Sqrt(matrix.Columns);
        for (int i = 0; i < matrix.Rows; i++)
        {
            Span<float> row = matrix.Row(i);
            for (int j = 0; j < row.Length; j++)
                row[j] *= signs[j] * scale;
            for (int half = 1; half < row.Length; half *= 2)
            {
                for (int start = 0; start < row.Length; start += 2 * half)
                    Butterfly(row.Slice(start, half), row.Slice(start + half, half));
            }
        }
    }

    /// <summary>Transforms every column, whole rows at a time: W becomes H D W / sqrt(m).</summary>
    private static void MixColumns(Matrix<float> matrix, float[] signs)
    {
        float scale = 1 / MathF.Sqrt(matrix.Rows);
        for (int i = 0; i < matrix.Rows; i++)
        {
            foreach (ref float value in matrix.Row(i))
                value *= signs[i] * scale;
        }
        for (int half = 1; half < matrix.Rows; half *= 2)
        {
            for (int i = 0; i < matrix.Rows; i++)
            {
                if ((i & half) == 0)
                    Butterfly(matrix.Row(i), matrix.Row(i + half));
            }
        }
    }

    private static void Butterfly(Span<float> a, Span<float> b)
    {
        for (int j = 0; j < a.Length; j++)
            (a[j], b[j]) = (a[j] + b[j], a[j] - b[j]);
    }
}
