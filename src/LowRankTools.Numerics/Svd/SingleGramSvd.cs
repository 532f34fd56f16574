using LowRankTools.Numerics.Engines;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// The dense route in float32, at half the time of <see cref="GramSvd"/>, for flat A (m x n, m at most n) of which a
/// part is wanted. Rounding is as if A A^T had been another matrix, whose entries differ by random e; for a wanted
/// eigenvalue x and one left out y that costs about e^2 / (x - y) of the energy (perturbation of an invariant subspace,
/// to second order). The sum over all pairs is held against what the accuracy allows, and the route refuses where it is
/// more: only vectors come from it, singular values are the lengths of U^T A's rows.
/// </summary>
internal static class SingleGramSvd
{
    // Smaller problems are over before the difference is felt.
    private const int SmallestSide = 192;

    // An error below this share of the energy needs more than float32.
    private const double LeastTail = 1e-4;

    // Norms outside these would leave float32 when they are squared twice.
    private const double SmallestSquaredNorm = 1e-12;
    private const double LargestSquaredNorm = 1e12;

    // Rows of U^T A closer to a right angle than this, as a cosine, are as orthogonal as float32 vectors come.
    private const double LeastSkew = 1e-6;

    // e in units of float32's rounding of ||A A^T||_F / m. Measured on spectra i^-0.02 to i^-2.5 with 256 to 2048 rows:
    // 5 to 15.3.
    private const double Entry = 16;

    /// <summary>The truncated SVD, or null where float32 is not enough for it.</summary>
    /// <param name="engine">Engine that holds A.</param>
    /// <param name="a">A, m x n.</param>
    /// <param name="target">What is asked.</param>
    /// <param name="squaredNorm">||A||_F^2.</param>
    /// <param name="accuracy">How close to the best possible error the result must be.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    public static TruncatedSvdResult? TryCompute(ITensorEngine engine, ITensor a, RankTarget target, double squaredNorm, SvdAccuracy accuracy, IProgress<double>? progress, CancellationToken ct)
    {
        int rows = a.Shape[0];
        bool most = target is RankTarget.Rank fixedRank ? fixedRank.Value >= rows : target.AllowedShare < LeastTail;
        if (rows < SmallestSide || most || squaredNorm is < SmallestSquaredNorm or > LargestSquaredNorm) return null;

        (ITensor vectors, double skew) = Vectors(engine, a, target, squaredNorm, accuracy, progress, ct);
        using ITensor ut = vectors;
        progress?.Report(0.8);
        if (ut.Shape[0] == 0) return null;
        using ITensor vt = engine.Create(ElementType.Float32, ut.Shape[0], a.Shape[1]);
        engine.MatMul(1, ut, a, 0, vt, ct);
        double[] sigma = Normalize(engine, ut, vt);
        int rank = RankChoice.Find(target, sigma, squaredNorm);
        if (rank == 0) return null;
        ITensor kept = engine.Slice(vt, 0, rank);
        if (skew > LeastSkew) engine.OrthonormalizeRows(kept, ct);
        return SvdAssembly.Finish(engine, a, engine.Slice(ut, 0, rank), sigma[..rank], kept, squaredNorm, "float32 Gram", ct);
    }

    // U^T with one row more than the eigenvalues ask for, because they are less exact than the lengths to come, or no rows
    // where float32 is not enough; and how far from a right angle two rows of U^T A may be.
    private static (ITensor Ut, double Skew) Vectors(ITensorEngine engine, ITensor a, RankTarget target, double squaredNorm, SvdAccuracy accuracy, IProgress<double>? progress, CancellationToken ct)
    {
        int rows = a.Shape[0];
        using ITensor gram = engine.Create(ElementType.Float32, rows, rows);
        engine.MatMul(1, a, engine.Transpose(a), 0, gram, ct);
        progress?.Report(0.2);
        double entry = Entry * Math.Pow(2, -24) * Math.Sqrt(engine.SumOfSquares(gram)) / rows;
        (double[] all, ITensor vectors) = GramEigen.Decompose(engine, gram, Choose, ct);
        return (vectors, entry / Math.Max(all[Math.Max(vectors.Shape[0] - 1, 0)], entry));

        int Choose(double[] values)
        {
            int rank = RankChoice.Find(target, [.. values.Select(value => Math.Sqrt(Math.Max(value, 0)))], squaredNorm);
            if (rank is 0 || rank == rows) return 0;
            double tail = squaredNorm - values.Take(rank).Sum();
            bool enough = tail > LeastTail * squaredNorm && Loss(values, rank, entry) <= AllowedLoss(accuracy) * tail;
            return !enough ? 0 : target is RankTarget.Rank || rank == target.Limit ? rank : rank + 1;
        }
    }

    // As shares of the squared error: a tenth of what Exact promises, and little beside what Compression does.
    private static double AllowedLoss(SvdAccuracy accuracy) => accuracy == SvdAccuracy.Exact ? 2e-7 : 1e-4;

    private static double Loss(double[] values, int rank, double entry)
    {
        double sum = 0;
        for (int i = 0; i < rank; i++)
        {
            for (int j = rank; j < values.Length; j++) sum += 1 / (values[i] - values[j] + entry);

            // Between wanted vectors nothing is lost, but the rows of U^T A are not quite orthogonal.
            sum += rank / Math.Max(values[i], entry);
        }

        return entry * entry * sum;
    }

    // Gives the rows of V^T length 1. What it was, in units of U's columns, whose own is 1 to float32's rounding only, are
    // the singular values.
    private static double[] Normalize(ITensorEngine engine, ITensor ut, ITensor vt)
    {
        double[] lengths = engine.SquaredRowNorms(vt), units = engine.SquaredRowNorms(ut), sigma = new double[lengths.Length];
        engine.ScaleRows([.. lengths.Select(squared => 1 / Math.Sqrt(squared))], vt);
        for (int i = 0; i < sigma.Length; i++)
        {
            // Equal values may come in either order, to rounding.
            double value = Math.Sqrt(lengths[i]) / Math.Sqrt(units[i]);
            sigma[i] = i == 0 ? value : Math.Min(value, sigma[i - 1]);
        }

        return sigma;
    }
}
