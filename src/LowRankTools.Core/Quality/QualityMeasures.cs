using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality;

/// <summary>Figures of quality as losses, to be made small.</summary>
internal static class QualityMeasures
{
    /// <summary>What was asked for, or what suits a network.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: a network of this kind does not have the figure.</exception>
    public static QualityMeasure For(QualityMeasure asked, TransformerConfig config)
    {
        if (asked == QualityMeasure.Auto)
            return config.PredictsNextToken ? QualityMeasure.Perplexity : QualityMeasure.MeanCosine;
        return asked == QualityMeasure.Perplexity == config.PredictsNextToken ? asked : throw new LowRankToolsException(CoreErrors.OptionInvalid,
            $"{asked} is not measured of a network like this one ({config.ModelType}).", "Language models have a perplexity, encoders cosines and correlations.");
    }

    /// <summary>The figure.</summary>
    /// <exception cref="LowRankToolsException"><c>TextInvalid</c>: the text is too short for it.</exception>
    public static double Figure(ModelQuality quality, QualityMeasure measure) => measure switch
    {
        QualityMeasure.MeanCosine => quality.MeanCosine,
        QualityMeasure.Pearson => quality.Pearson,
        QualityMeasure.Spearman => quality.Spearman,
        _ => quality.Perplexity,
    } ?? throw new LowRankToolsException(CoreErrors.TextInvalid, $"{quality.Text}: the text has too few lines for {measure}.", "Give more lines that differ.");

    /// <summary>What is to become small: 1 - the figure, or the logarithm of a perplexity.</summary>
    public static double Loss(double figure, QualityMeasure measure) => measure == QualityMeasure.Perplexity ? Math.Log(figure) : 1 - figure;

    /// <summary>The figure that has a loss.</summary>
    public static double OfLoss(double loss, QualityMeasure measure) => measure == QualityMeasure.Perplexity ? Math.Exp(loss) : 1 - loss;
}
