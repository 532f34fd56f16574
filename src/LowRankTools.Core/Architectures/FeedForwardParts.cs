using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>Finds the feed-forward parts of a model by the names that its libraries give them.</summary>
internal static class FeedForwardParts
{
    /// <summary>Names of up, gate and down behind the block's own: of BERT and ViT, GPT-2, Llama, and llama.cpp.</summary>
    private static readonly (string Up, string? Gate, string Down)[] s_habits =
    [
        ("intermediate.dense", null, "output.dense"),
        ("mlp.c_fc", null, "mlp.c_proj"),
        ("mlp.up_proj", "mlp.gate_proj", "mlp.down_proj"),
        ("ffn_up", "ffn_gate", "ffn_down"),
    ];

    /// <summary>All parts, in the order of the file; they have one number of hidden units, for configurations say no more.</summary>
    /// <exception cref="LowRankToolsException"><c>FeedForwardNotFound</c>: there is none, or one that is shared or that was factorized;
    /// <c>WeightsDoNotFit</c>: sizes contradict each other.</exception>
    public static IReadOnlyList<FeedForwardPart> Of(Model model)
    {
        // A file may hold X beside X.weight: the one that comes first stands for the module.
        Dictionary<string, ModelLayer> layers = new(StringComparer.Ordinal);
        foreach (ModelLayer layer in model.Layers)
            layers.TryAdd(LayerNames.Module(layer.Shape.Name), layer);
        Dictionary<string, ModelLayer> tensors = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        List<FeedForwardPart> parts = [];
        foreach ((string module, ModelLayer up) in layers)
        {
            if (Array.Find(s_habits, h => module.EndsWith("." + h.Up, StringComparison.Ordinal)) is not { Up: { } own } habit)
                continue;
            string block = module[..^own.Length];
            if (!layers.TryGetValue(block + habit.Down, out ModelLayer? down))
                throw NotFound(model, $"'{up.Shape.Name}' has no '{block}{habit.Down}' beside it");
            ModelLayer? gate = habit.Gate is null ? null : layers.GetValueOrDefault(block + habit.Gate);
            // Llama's own names always have a gate; without it the part is a pair by now.
            if (gate is null && habit.Gate?.StartsWith("mlp.", StringComparison.Ordinal) == true)
                throw NotFound(model, $"'{up.Shape.Name}' has no '{block}{habit.Gate}' beside it");
            ModelLayer[] inputs = gate is null ? [up] : [gate, up];
            ModelLayer[] biases = [.. inputs.Select(i => tensors.GetValueOrDefault(LayerNames.Bias(i.Shape.Name))).OfType<ModelLayer>()];
            FeedForwardPart part = new(inputs, biases, down);
            Check(model, part);
            parts.Add(part);
        }
        if (parts.Count == 0)
            throw NotFound(model, "no tensors are called as up and down of BERT, ViT, GPT-2, Llama or GGUF are");
        if (parts.Find(p => p.Hidden != parts[0].Hidden) is { } other)
            throw Unfit(model, $"'{other.Down.Shape.Name}' has {other.Hidden} hidden units and '{parts[0].Down.Shape.Name}' has {parts[0].Hidden}, which no configuration says");
        return parts;
    }

    private static void Check(Model model, FeedForwardPart part)
    {
        ModelLayer[] matrices = [.. part.Inputs, part.Down];
        if (Array.Find(matrices, m => m.Shape.TiedTo is not null) is { } shared)
            throw NotFound(model, $"'{shared.Shape.Name}' is shared with '{shared.Shape.TiedTo}'");
        if (Array.Find(matrices, m => !m.Shape.IsMatrix || m.Shape.Shape.Count != 2) is { } odd)
            throw Unfit(model, $"'{odd.Shape.Name}' is no matrix of a linear layer");
        if (part.Inputs.FirstOrDefault(i => i.Shape.OutFeatures != part.Down.Shape.InFeatures || i.Shape.InFeatures != part.Down.Shape.OutFeatures) is { } input)
            throw Unfit(model, $"'{input.Shape.Name}' is {input.Shape.OutFeatures} x {input.Shape.InFeatures} (outputs x inputs) and '{part.Down.Shape.Name}' {part.Down.Shape.OutFeatures} x {part.Down.Shape.InFeatures}");
        if (part.Biases.FirstOrDefault(b => b.Shape.Shape.Count != 1 || b.Shape.Shape[0] != part.Hidden) is { } bias)
            throw Unfit(model, $"'{bias.Shape.Name}' is no bias of {part.Hidden} hidden units");
    }

    private static LowRankToolsException NotFound(Model model, string why) =>
        new(CoreErrors.FeedForwardNotFound, $"{model.Source.Path}: no feed-forward parts can be made smaller: {why}.", "Models whose parts are known are in docs/quality.md; a factorized one is merged with Merge-LowRankFactor before.");

    private static LowRankToolsException Unfit(Model model, string what) => new(CoreErrors.WeightsDoNotFit, $"{model.Source.Path}: {what}.");
}
