using System.IO.Enumeration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Models;

/// <summary>Which layers of a model are to be factorized.</summary>
public sealed record LayerSelection
{
    /// <summary>Patterns of which one must match a layer's name; none means all layers.</summary>
    public IReadOnlyList<Predicate<string>> Include { get; init; } = [];

    /// <summary>Patterns of which none may match a layer's name.</summary>
    public IReadOnlyList<Predicate<string>> Exclude { get; init; } = [];

    /// <summary>Whether embeddings are factorized too.</summary>
    public bool IncludeEmbedding { get; init; }

    /// <summary>Patterns of kernels that are those of transposed convolutions, which a state dict does not tell from others; a graph does.</summary>
    public IReadOnlyList<Predicate<string>> Transposed { get; init; } = [];

    /// <summary>Whether convolutions are made chains of smaller ones.</summary>
    internal bool IncludeConvolution { get; init; }

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
        if (!shape.IsMatrix && !(IncludeConvolution && shape.IsKernel))
            return KeepReason.NotLinear;
        if (ReasonByName(shape.Name) is var named and not KeepReason.None)
            return named;
        if (shape.Kind == LayerKind.Embedding && !IncludeEmbedding && Names is null)
            return KeepReason.Embedding;
        if (!TensorConversion.IsReadable(layer.Tensor.DType))
            return KeepReason.UnreadableType;
        if (shape.IsKernel && layer.Tensor.Role == TensorRole.TransposedConvolutionChannelsLast)
            return KeepReason.Transposed;
        return shape.IsMatrix || LayerWeight.ShapeOf(layer) is { Outputs: > 1, Channels: > 1 } ? KeepReason.None : KeepReason.Grouped;
    }

    /// <summary>Whether a name is said to be that of a transposed convolution's kernel.</summary>
    internal bool IsTransposed(string name) => Transposed.Any(p => Matches(p, name));

    /// <summary>Why a name alone is not chosen.</summary>
    internal KeepReason ReasonByName(string name) =>
        Exclude.Any(p => Matches(p, name)) ? KeepReason.Excluded
        : Names?.Contains(name) == false || Include.Count > 0 && !Include.Any(p => Matches(p, name)) ? KeepReason.NotIncluded
        : KeepReason.None;

    /// <summary>Makes sure that the layers chosen one by one are there, and that patterns choose any.</summary>
    /// <exception cref="LowRankToolsException"><c>LayerNotFound</c>.</exception>
    internal void RequireNames(Model model)
    {
        if (Include.Count > 0 && !model.Layers.Any(l => Include.Any(p => Matches(p, l.Shape.Name))))
        {
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{model.Source.Path}: no layer's name matches a pattern of -Include.",
                "Get-LayerShapes lists the names; * stands for any characters, dots included.");
        }
        if (Transposed.Count > 0 && !model.Layers.Any(l => l.Shape.IsKernel && IsTransposed(l.Shape.Name)))
        {
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{model.Source.Path}: no convolution's name matches a pattern of -TransposedConvolution.",
                "Get-LayerShapes lists the names; * stands for any characters, dots included.");
        }
        if (Names is null)
            return;
        HashSet<string> known = model.Layers.Select(l => l.Shape.Name).ToHashSet(StringComparer.Ordinal);
        if (Names.FirstOrDefault(n => !known.Contains(n)) is { } missing)
        {
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{model.Source.Path}: there is no layer '{missing}'.",
                "Pipe layers that Get-LayerShapes found in this very model.");
        }
    }

    /// <summary>Whether a pattern names a tensor, or the module that owns it: <c>a.b.weight</c> is <c>a.b</c>'s.</summary>
    public static bool Matches(Predicate<string> pattern, string name) => pattern(name) || pattern(LayerNames.Module(name));
}
