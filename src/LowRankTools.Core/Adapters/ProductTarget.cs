using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>What a module of a LoHa or LoKr adapter is called in a base model, and which shape its inputs have there.</summary>
internal static class ProductTarget
{
    /// <summary>The name and the inputs, (in) or (in, kernel), by the base model's weight where there is one; the file's own where not.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterDoesNotFit</c>.</exception>
    public static (string Name, long[] Inputs) Of(ProductAdapter adapter, ProductModule module, ModelLayer? layer, Model? model)
    {
        if (model is null)
            return (module.Name, module.Inputs);
        if (layer is null)
            throw Apart(adapter, model, module, "is none of the base model's");
        long[] shape = [.. layer.Tensor.Shape];
        long inputs = module.Inputs.Aggregate(1L, (n, i) => n * i);
        bool turned = shape.Length == 2 && layer.Shape.Orientation == WeightOrientation.InOut && shape[1] == module.OutFeatures && shape[0] == inputs;
        bool straight = shape.Length >= 2 && shape[0] == module.OutFeatures && shape.Skip(1).Aggregate(1L, (n, i) => n * i) == inputs;
        if (!turned && !straight)
            throw Apart(adapter, model, module, $"adds {module.OutFeatures} x {Dimensions.Of(module.Inputs)} to '{layer.Shape.Name}' of shape {layer.Shape.Shape}");
        return (LayerNames.Module(layer.Shape.Name), turned ? [inputs] : shape[1..]);
    }

    private static LowRankToolsException Apart(ProductAdapter adapter, Model model, ProductModule module, string what) =>
        new(CoreErrors.AdapterDoesNotFit, $"{adapter.Source.Path}: the adapter does not fit {model.Source.Path}: module '{module.Name}' {what}.", "Use the base model that the adapter was trained on. Nothing was written.");
}
