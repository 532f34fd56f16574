using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Subspaces;

/// <summary>Vectors of a basis are unique up to a sign; one rule makes results comparable.</summary>
internal static class SignRule
{
    /// <summary>Makes the entry of largest magnitude in each row of the basis positive, the first one on a tie; coordinates follow.</summary>
    public static void Apply(Matrix<double> basis, Matrix<double> coordinates)
    {
        for (int k = 0; k < basis.Rows; k++)
        {
            if (Largest(basis.Row(k)) >= 0)
                continue;
            Negate(basis.Row(k));
            Negate(coordinates.Row(k));
        }
    }

    /// <summary>The entry of largest magnitude, the first one on a tie.</summary>
    public static double Largest(ReadOnlySpan<double> values)
    {
        double largest = 0;
        foreach (double value in values)
        {
            if (Math.Abs(value) > Math.Abs(largest))
                largest = value;
        }
        return largest;
    }

    private static void Negate(Span<double> values)
    {
        foreach (ref double value in values)
            value = -value;
    }
}
