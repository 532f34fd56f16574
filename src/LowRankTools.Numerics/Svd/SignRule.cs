using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Svd;

/// <summary>Singular vectors are unique up to a sign; one rule makes engines agree.</summary>
internal static class SignRule
{
    /// <summary>Makes the entry of largest magnitude in each column of U positive, the first one on a tie.</summary>
    public static void Apply(Matrix<float> u, Matrix<float> vt)
    {
        int rank = u.Columns;
        float[] largest = new float[rank];
        for (int i = 0; i < u.Rows; i++) KeepLarger(u.Row(i), largest);
        float[] signs = Array.ConvertAll(largest, value => value < 0 ? -1f : 1f);
        for (int i = 0; i < u.Rows; i++) Multiply(u.Row(i), signs);
        for (int j = 0; j < rank; j++)
        {
            if (!(largest[j] < 0)) continue;
            foreach (ref float value in vt.Row(j)) value = -value;
        }
    }

    private static void KeepLarger(ReadOnlySpan<float> row, Span<float> largest)
    {
        int j = 0;
        for (; j <= row.Length - Vector<float>.Count; j += Vector<float>.Count)
        {
            Vector<float> value = new(row[j..]), most = new(largest[j..]);
            Vector.ConditionalSelect(Vector.GreaterThan(Vector.Abs(value), Vector.Abs(most)), value, most).CopyTo(largest[j..]);
        }

        for (; j < row.Length; j++)
        {
            if (MathF.Abs(row[j]) > MathF.Abs(largest[j])) largest[j] = row[j];
        }
    }

    private static void Multiply(Span<float> row, ReadOnlySpan<float> signs)
    {
        int j = 0;
        for (; j <= row.Length - Vector<float>.Count; j += Vector<float>.Count) (new Vector<float>(row[j..]) * new Vector<float>(signs[j..])).CopyTo(row[j..]);
        for (; j < row.Length; j++) row[j] *= signs[j];
    }
}
