using System.Diagnostics;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Factors;

/// <summary>
/// The pair that stands for one weight, as it will be stored: W (m x n) ~= Left (m x r) Right (r x n), singular values
/// split between the two and every entry rounded to the type that is written.
/// </summary>
internal sealed class LayerFactors : IDisposable
{
    /// <summary>Left factor, m x r.</summary>
    public required Matrix<float> Left { get; init; }

    /// <summary>Right factor, r x n.</summary>
    public required Matrix<float> Right { get; init; }

    /// <summary>||W - Left Right|| / ||W|| of the factors as stored.</summary>
    public required double RelativeError { get; init; }

    /// <summary>||W||^2.</summary>
    public required double SquaredNorm { get; init; }

    /// <summary>The algorithm that found the factors.</summary>
    public required string Algorithm { get; init; }

    /// <summary>||W - W'|| / ||W|| before the factors were quantised; null where they are not.</summary>
    public double? TruncationError { get; init; }

    /// <summary>||W' - W''|| / ||W||, what quantising the factors changed; null where they are not.</summary>
    public double? QuantizationError { get; init; }

    /// <summary>The left factor as levels and scales; null where it is not quantised.</summary>
    public QuantizedMatrix? LeftLevels { get; init; }

    /// <summary>The right factor as levels and scales.</summary>
    public QuantizedMatrix? RightLevels { get; init; }

    /// <summary>||(W - W') X|| / ||W X|| on the calibration inputs, W' of the factors as stored; null without calibration.</summary>
    public double? CalibratedError { get; init; }

    /// <summary>The same on inputs that nothing was fitted on; null where the calibration has none.</summary>
    public double? HeldOutError { get; init; }

    /// <summary>Seconds to factorize the weight, the layers beside it running too.</summary>
    public double Seconds { get; init; }

    /// <summary>Bytes of both factors in memory.</summary>
    public long Bytes => (Left.Length + Right.Length) * sizeof(float) + (LeftLevels?.Bytes ?? 0) + (RightLevels?.Bytes ?? 0);

    /// <summary>Factorizes a weight.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, m x n.</param>
    /// <param name="rank">r, at most the smaller side.</param>
    /// <param name="split">Where the singular values go.</param>
    /// <param name="storage">How the factors will be stored.</param>
    /// <param name="embedding">Whether the right factor is stored by its columns.</param>
    /// <param name="options">Seed, threads, accuracy.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static LayerFactors Compute(ITensorEngine engine, MatrixView<float> weight, int rank, FactorSplit split, FactorStorage storage, bool embedding, SvdOptions options, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using ITensor loaded = engine.Load(weight);
        TruncatedSvdResult svd = TruncatedSvd.Compute(engine, loaded, new RankTarget.Rank(rank), options, null, cancellationToken);
        try
        {
            Scale(svd, split);
            double truncation = svd.RelativeError, error = truncation;
            using ITensor? product = storage.Quantization is null ? null : FactorResidual.Product(engine, svd.U, svd.Vt, cancellationToken);
            QuantizedMatrix? left = storage.Store(svd.U, byColumns: false), right = storage.Store(svd.Vt, byColumns: embedding);
            if (storage.Rounds)
                error = FactorResidual.Relative(engine, loaded, svd.U, svd.Vt, svd.SquaredNorm, cancellationToken);
            return new LayerFactors
            {
                Left = svd.U, Right = svd.Vt, LeftLevels = left, RightLevels = right, RelativeError = error,
                TruncationError = product is null ? null : truncation,
                QuantizationError = product is null ? null : FactorResidual.Relative(engine, product, svd.U, svd.Vt, svd.SquaredNorm, cancellationToken),
                SquaredNorm = svd.SquaredNorm, Algorithm = svd.Algorithm, Seconds = clock.Elapsed.TotalSeconds,
            };
        }
        catch
        {
            svd.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    /// <summary>Puts the singular values into U and V^T.</summary>
    internal static void Scale(TruncatedSvdResult svd, FactorSplit split)
    {
        float[] left = new float[svd.Rank];
        for (int k = 0; k < svd.Rank; k++)
        {
            double s = svd.SingularValues[k];
            left[k] = (float)(split switch { FactorSplit.Left => s, FactorSplit.Right => 1, _ => Math.Sqrt(s) });
            float right = (float)(split switch { FactorSplit.Left => 1, FactorSplit.Right => s, _ => Math.Sqrt(s) });
            foreach (ref float value in svd.Vt.Row(k))
                value *= right;
        }
        for (int i = 0; i < svd.U.Rows; i++)
        {
            Span<float> row = svd.U.Row(i);
            for (int k = 0; k < row.Length; k++)
                row[k] *= left[k];
        }
    }
}
