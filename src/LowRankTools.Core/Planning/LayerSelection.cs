using System.IO.Enumeration;
using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>Which layers of a model are to be factorized.</summary>
public sealed record LayerSelection
{
    /// <summary>Patterns of which one must match a layer's name; none means all layers.</summary>
    public IReadOnlyList<Predicate<string>> Include { get; init; } = [];

    /// <summary>Patterns of which none may match a layer's name.</summary>
    public IReadOnlyList<Predicate<string>> Exclude { get; init; } = [];

    /// <summary>Whether embeddings are factorized too.</summary>
    public bool IncludeEmbedding { get; init; }

    /// <summary>Exact tensor names chosen one by one (piped layers), embeddings among them; null where none were.</summary>
    public IReadOnlySet<string>? Names { get; init; }

    /// <summary>A pattern of <c>*</c> and <c>?</c>, without regard to case.</summary>
    public static Predicate<string> Pattern(string pattern) => name => FileSystemName.MatchesSimpleExpression(pattern, name);

    /// <summary>Why a layer is not chosen; <see cref="KeepReason.None"/> where it is.</summary>
    internal KeepReason Reason(ModelLayer layer)
    {
        LayerShape shape = layer.Shape;
        if (shape.Rank is not null)
            return KeepReason.AlreadyFactorized;
        if (!shape.IsMatrix)
            return KeepReason.NotLinear;
        if (Exclude.Any(p => Matches(p, shape.Name)))
            return KeepReason.Excluded;
        if (Names?.Contains(shape.Name) == false || Include.Count > 0 && !Include.Any(p => Matches(p, shape.Name)))
            return KeepReason.NotIncluded;
        if (shape.Kind == LayerKind.Embedding && !IncludeEmbedding && Names is null)
            return KeepReason.Embedding;
        return TensorConversion.IsReadable(layer.Tensor.DType) ? KeepReason.None : KeepReason.UnreadableType;
    }

    /// <summary>Whether a pattern names a tensor, or the module that owns it: <c>a.b.weight</c> is <c>a.b</c>'s.</summary>
    public static bool Matches(Predicate<string> pattern, string name) => pattern(name) || pattern(LayerNames.Module(name));
}
