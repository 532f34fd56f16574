using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>What a module of a LoHa or LoKr adapter is in a base model.</summary>
/// <param name="Name">What it is called there.</param>
/// <param name="Inputs">The shape of its inputs there: (in) or (in, kernel).</param>
/// <param name="Order">The order of its rows there.</param>
internal sealed record ProductTarget(string Name, long[] Inputs, RowOrder Order)
{
    /// <summary>By the base model's weight where there is a model; what the file says where not.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>.</exception>
    public static ProductTarget Of(ProductAdapter adapter, ProductModule module, ModelLayer? layer, Model? model, BaseOrder? order)
    {
        if (model is null)
            return new ProductTarget(module.Name, module.Inputs, RowOrder.Same);
        if (layer is null)
            throw Apart(adapter, model, module, "is none of the base model's");
        long[] shape = [.. layer.Tensor.Shape];
        long inputs = module.Inputs.Aggregate(1L, (n, i) => n * i);
        bool turned = shape.Length == 2 && layer.Shape.Orientation == WeightOrientation.InOut && shape[1] == module.OutFeatures && shape[0] == inputs;
        bool straight = shape.Length >= 2 && shape[0] == module.OutFeatures && shape.Skip(1).Aggregate(1L, (n, i) => n * i) == inputs;
        if (!turned && !straight)
            throw Apart(adapter, model, module, $"adds {module.OutFeatures} x {Dimensions.Of(module.Inputs)} to '{layer.Shape.Name}' of shape {layer.Shape.Shape}");
        string name = LayerNames.Module(layer.Shape.Name);
        if (order!.Of(module.Name, layer, module.OutFeatures) is not { } known)
            throw Apart(adapter, model, module, $"belongs to '{layer.Shape.Name}', of which it is not known how rows are ordered: by the model's architecture, or its heads");
        return new ProductTarget(name, turned ? [inputs] : shape[1..], known);
    }

    private static LowRankToolsException Apart(ProductAdapter adapter, Model model, ProductModule module, string what) =>
        new(CoreErrors.AdapterDoesNotFit, $"{adapter.Source.Path}: the adapter does not fit {model.Source.Path}: module '{module.Name}' {what}.", "Use the base model that the adapter was trained on. Nothing was written.");
}
