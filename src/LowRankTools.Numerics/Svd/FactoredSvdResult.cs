using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Svd;

/// <summary>A product in fewer components: L R ~= Left (m x k) Right (k x n), the singular values shared out between the two.</summary>
public sealed class FactoredSvdResult : IDisposable
{
    internal FactoredSvdResult(Matrix<float> left, Matrix<float> right, double[] singularValues)
    {
        Left = left;
        Right = right;
        SingularValues = singularValues;
    }

    /// <summary>U sqrt(S), m x k.</summary>
    public Matrix<float> Left { get; }

    /// <summary>sqrt(S) V^T, k x n.</summary>
    public Matrix<float> Right { get; }

    /// <summary>All singular values of the product, descending, those left out too; below about 1e-8 of the first they are noise.</summary>
    public double[] SingularValues { get; }

    /// <summary>k.</summary>
    public int Rank => Right.Rows;

    /// <summary>||L R||_F.</summary>
    public double Norm => Length(SingularValues);

    /// <summary>||L R - Left Right||_F: the root of the sum of squares of the values left out.</summary>
    public double Error => Length(SingularValues.AsSpan(Rank));

    /// <summary>Frees both factors.</summary>
    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    private static double Length(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
            sum += value * value;
        return Math.Sqrt(sum);
    }
}
