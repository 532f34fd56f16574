using LowRankTools.Core.Spectra;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Comparison;

/// <summary>What the singular values of a difference D = A - B say about its origin.</summary>
/// <param name="EffectiveRank">Entropy rank.</param>
/// <param name="Rank">Singular values above what rounding makes.</param>
/// <param name="Energy">Their share of ||D||^2.</param>
/// <param name="RestIsRounding">Whether everything else can be rounding.</param>
internal readonly record struct DeltaSpectrum(double EffectiveRank, int Rank, double Energy, bool RestIsRounding)
{
    /// <summary>Share of the largest singular value below which float32 itself is noise.</summary>
    private const double SinglePrecision = 1e-6;

    /// <summary>Measures a difference.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="delta">D, m x n.</param>
    /// <param name="noise">What rounding adds to A or B.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static DeltaSpectrum Measure(ITensorEngine engine, Matrix<float> delta, RoundingNoise noise, CancellationToken cancellationToken)
    {
        using ITensor loaded = engine.Load(delta.View);
        double[] values = SingularValues.Compute(engine, loaded, cancellationToken);
        double own = (values.Length > 0 ? values[0] : 0) * SinglePrecision;
        int rank = values.Count(s => s > Math.Max(noise.Floor, own));
        double all = SpectrumMeasures.SquaredNorm(values), rest = SpectrumMeasures.Tail(values, rank);
        return new DeltaSpectrum(SpectrumMeasures.EffectiveRank(values), rank, all == 0 ? 0 : 1 - rest / all, rest <= noise.Energy + own * own * values.Length);
    }
}
