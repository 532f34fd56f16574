namespace LowRankTools.Numerics;

/// <summary>Singular vectors are unique up to a sign; one rule makes engines agree.</summary>
internal static class SignRule
{
    /// <summary>Makes the entry of largest magnitude in each column of U positive, the first one on a tie.</summary>
    public static void Apply(Matrix<float> u, Matrix<float> vt)
    {
        int rank = u.Columns;
        float[] largest = new float[rank];
        for (int i = 0; i < u.Rows; i++)
        {
            Span<float> row = u.Row(i);
            for (int j = 0; j < rank; j++)
            {
                if (MathF.Abs(row[j]) > MathF.Abs(largest[j])) largest[j] = row[j];
            }
        }

        for (int i = 0; i < u.Rows; i++)
        {
            Span<float> row = u.Row(i);
            for (int j = 0; j < rank; j++)
            {
                if (largest[j] < 0) row[j] = -row[j];
            }
        }

        for (int j = 0; j < rank; j++)
        {
            if (!(largest[j] < 0)) continue;
            foreach (ref float value in vt.Row(j)) value = -value;
        }
    }
}
