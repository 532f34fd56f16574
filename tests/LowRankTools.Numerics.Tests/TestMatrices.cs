using System.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Numerics.Tests;

/// <summary>Matrices with known properties, from seeds.</summary>
internal static class TestMatrices
{
    public static Matrix<T> Gaussian<T>(int rows, int columns, ulong seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var matrix = new Matrix<T>(rows, columns);
        new DeterministicRandom(seed).FillGaussian(matrix);
        return matrix;
    }

    /// <summary>Rows x columns with the given singular values, between two random orthonormal frames.</summary>
    public static Matrix<float> WithSingularValues(int rows, int columns, double[] values, ulong seed)
    {
        double[][] left = OrthonormalFrame(values.Length, rows, seed), right = OrthonormalFrame(values.Length, columns, seed + 1);
        var matrix = new Matrix<float>(rows, columns);
        for (int i = 0; i < rows; i++)
        {
            double[] sum = new double[columns];
            for (int k = 0; k < values.Length; k++)
            {
                double factor = left[k][i] * values[k];
                for (int j = 0; j < columns; j++) sum[j] += factor * right[k][j];
            }

            for (int j = 0; j < columns; j++) matrix[i, j] = (float)sum[j];
        }

        return matrix;
    }

    public static double[] PowerLaw(int count, double exponent) =>
        [.. Enumerable.Range(1, count).Select(i => Math.Pow(i, -exponent))];

    // Modified Gram-Schmidt, twice.
    private static double[][] OrthonormalFrame(int count, int length, ulong seed)
    {
        double[][] frame = new double[count][];
        for (int k = 0; k < count; k++)
        {
            double[] v = frame[k] = new double[length];
            new DeterministicRandom(seed).FillGaussian<double>(v, (ulong)(k * (length + (length & 1))));
            for (int pass = 0; pass < 2; pass++)
            {
                for (int p = 0; p < k; p++)
                {
                    double dot = 0;
                    for (int i = 0; i < length; i++) dot += frame[p][i] * v[i];
                    for (int i = 0; i < length; i++) v[i] -= dot * frame[p][i];
                }

                double norm = Math.Sqrt(v.Sum(x => x * x));
                for (int i = 0; i < length; i++) v[i] /= norm;
            }
        }

        return frame;
    }
}
