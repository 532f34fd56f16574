using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>Where ALS starts: the leading left singular vectors of every unfolding, or random columns. A mode with fewer indices than components
/// has no more singular vectors than that; its other columns are random.</summary>
internal static class CpStart
{
    // Random numbers of one mode and one start never meet those of another.
    private const ulong Apart = 0x9E37_79B9_0000_0001;

    /// <summary>Makes start factors.</summary>
    /// <param name="tensor">X.</param>
    /// <param name="rank">R.</param>
    /// <param name="number">0 for singular vectors, others for random columns.</param>
    /// <param name="nonNegative">Whether entries become their magnitudes.</param>
    /// <param name="options">Seed and threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static CpFactors Of(Tensor tensor, int rank, int number, bool nonNegative, ComputeOptions options, CancellationToken ct)
    {
        List<Matrix<double>> matrices = [];
        for (int n = 0; n < tensor.Order; n++)
        {
            // Least squares replaces the first mode before anything reads it.
            Matrix<double> matrix = Random(tensor.Shape[n], rank, options.Seed + (Apart * (ulong)((number * tensor.Order) + n)));
            if (number == 0 && (n > 0 || nonNegative))
                PutVectors(tensor, n, matrix, options, ct);
            if (nonNegative)
                TakeMagnitudes(matrix);
            CpFactors.Normalize(matrix);
            matrices.Add(matrix);
        }
        return new CpFactors(matrices, options);
    }

    private static void PutVectors(Tensor tensor, int mode, Matrix<double> matrix, ComputeOptions options, CancellationToken ct)
    {
        using Matrix<double> unfolded = Unfolding.Of(tensor, mode);
        int count = Math.Min(Math.Min(matrix.Columns, matrix.Rows), unfolded.Columns);
        using Matrix<double> vectors = Vectors(unfolded, count, options, ct);
        vectors.Transposed.CopyTo(matrix.View.Slice(0, 0, matrix.Rows, count));
    }

    private static Matrix<double> Vectors(Matrix<double> unfolded, int count, ComputeOptions options, CancellationToken ct)
    {
        if (count < Math.Min(unfolded.Rows, unfolded.Columns))
        {
            using LeadingSubspace leading = LeadingSubspace.Of(unfolded.View, null, count, options, ct);
            return leading.Basis.Copy();
        }
        // All of them, in the order of their values, which a subspace does not need.
        EmbeddedEngine engine = new(options);
        bool flat = unfolded.Rows <= unfolded.Columns;
        using Matrix<double> gram = Matrix<double>.Uninitialized(count, count);
        Gemm.MultiplyByOwnTranspose(1, flat ? unfolded.View : unfolded.Transposed, 0, gram.View, options, ct);
        (_, Matrix<double> vectors) = SmallFactorizations.Eigen(engine, gram.View, all => all.Length, ct);
        if (flat)
            return vectors;
        using (vectors)
        {
            // A v has the direction of the left vector; its length is made 1 with the other columns.
            Matrix<double> lefts = Matrix<double>.Uninitialized(count, unfolded.Rows);
            Gemm.Multiply(1, vectors.View, unfolded.Transposed, 0, lefts.View, options, ct);
            return lefts;
        }
    }

    private static void TakeMagnitudes(Matrix<double> matrix)
    {
        foreach (ref double value in matrix.RowBlock(0, matrix.Rows))
            value = Math.Abs(value);
    }

    private static Matrix<double> Random(int rows, int columns, ulong seed)
    {
        Matrix<double> matrix = Matrix<double>.Uninitialized(rows, columns);
        new DeterministicRandom(seed).FillGaussian(matrix);
        return matrix;
    }
}
