using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Benchmarks;

/// <summary>Matrices with singular values i^decay in random directions, seeded by their shape.</summary>
internal static class SpectralMatrix
{
    public static Matrix<float> Make(int rows, int columns, double decay)
    {
        int rank = Math.Min(rows, columns);
        EmbeddedEngine engine = new(ComputeOptions.Default);
        using ITensor left = engine.Random((ulong)rows, rank, rows), right = engine.Random((ulong)columns + 7, rank, columns);
        engine.OrthonormalizeRows(left);
        engine.OrthonormalizeRows(right);
        using Matrix<float> u = engine.ToMatrix(left), v = engine.ToMatrix(right);
        for (int k = 0; k < rank; k++)
        {
            foreach (ref float value in v.Row(k))
                value *= (float)Math.Pow(k + 1, decay);
        }
        Matrix<float> product = Matrix<float>.Uninitialized(rows, columns);
        Gemm.Multiply(1, u.Transposed, v.View, 0, product.View);
        return product;
    }

    /// <summary>The smallest relative error of any approximation of this rank.</summary>
    public static double Optimum(int smallerSide, double decay, int rank)
    {
        double[] squares = [.. Enumerable.Range(1, smallerSide).Select(i => Math.Pow(i, 2 * decay))];
        return Math.Sqrt(squares.Skip(rank).Sum() / squares.Sum());
    }
}
