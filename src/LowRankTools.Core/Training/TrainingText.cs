using LowRankTools.Core.Models;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Training;

/// <summary>The text of a training: what is trained on, what judges, and the classes of the lines where there are any.</summary>
/// <param name="Text">All of it.</param>
/// <param name="Fitted">Sequences that are trained on.</param>
/// <param name="Judged">Sequences that are not.</param>
/// <param name="Classes">The right class by the line's number; null where there are no labels.</param>
internal sealed record TrainingText(TokenText Text, IReadOnlyList<TokenSequence> Fitted, IReadOnlyList<TokenSequence> Judged, IReadOnlyDictionary<int, int>? Classes)
{
    /// <summary>Reads and divides a text.</summary>
    /// <param name="settings">Where it is, and how much of it judges.</param>
    /// <param name="source">The model whose tokenizer and names of classes are used.</param>
    /// <param name="config">Its network.</param>
    /// <param name="progress">Told about lines.</param>
    /// <param name="cancellationToken">Stops between lines.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>TextInvalid</c>, <c>InputInvalid</c>, and those of tokenizers.</exception>
    public static TrainingText Read(TrainingSettings settings, ModelSource source, TransformerConfig config, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        TokenText text = TokenText.Read(settings.Input, source, config, progress, cancellationToken);
        Dictionary<int, int>? classes = settings.LabelPath is { } labels
            ? text.Sequences.Zip(ClassLabels.Read(labels, source, config, text.Sequences)).ToDictionary(p => p.First.Line, p => p.Second)
            : null;
        (List<TokenSequence> fitted, List<TokenSequence> judged) = TextSplit.Of(text, settings.HeldOut, settings.Seed);
        return new TrainingText(text, fitted, judged, classes);
    }
}
