using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Decompositions;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Decompositions;

/// <summary>Which tensors of a model are decomposed, and why others are not.</summary>
internal sealed class TensorChoice
{
    private const int Kernel = 3;

    private readonly LayerSelection _selection;
    private readonly DecompositionMethod _method;
    private readonly HashSet<string> _shared;

    public TensorChoice(Model model, LayerSelection selection, DecompositionMethod method)
    {
        selection.RequireNames(model);
        (_selection, _method) = (selection, method);
        _shared = model.Layers.Select(l => l.Shape.TiedTo).OfType<string>().ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>Why a tensor stays as it is; <see cref="TensorKeepReason.None"/> where it is decomposed.</summary>
    public TensorKeepReason Reason(ModelLayer layer)
    {
        LayerShape shape = layer.Shape;
        if (shape.Rank is not null)
            return TensorKeepReason.AlreadyFactorized;
        switch (_selection.ReasonByName(shape.Name))
        {
            case KeepReason.Excluded:
                return TensorKeepReason.Excluded;
            case KeepReason.NotIncluded:
                return TensorKeepReason.NotIncluded;
        }
        if (!IsTaken(shape))
            return TensorKeepReason.ModeCount;
        if (layer.Tensor.ElementCount == 0 || !layer.Tensor.DType.IsFloat() || !TensorConversion.IsReadable(layer.Tensor.DType))
            return TensorKeepReason.UnreadableType;
        return shape.TiedTo is not null || _shared.Contains(shape.Name) ? TensorKeepReason.Shared : TensorKeepReason.None;
    }

    // By themselves kernels are taken, or, by a method for matrices, those of linear maps.
    private bool IsTaken(LayerShape shape)
    {
        int order = shape.Shape.Count;
        if (order < _method.LeastOrder || order > _method.MostOrder)
            return false;
        return _selection.Names is not null || _selection.Include.Count > 0
            || (_method.MostOrder < Kernel ? shape.Kind is LayerKind.Linear or LayerKind.AttentionPacked : order >= Kernel);
    }
}
