using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>Finds the attention of decoders whose heads may be narrower than the model's width says: Llama's and its kin's, in PyTorch's and in GGUF's names.</summary>
internal static class AttentionParts
{
    private static readonly (string Query, string Key, string Value, string Output)[] s_habits =
    [
        ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
        ("attn_q", "attn_k", "attn_v", "attn_output"),
    ];

    /// <summary>Norms of a head's queries and keys take in all of its features: without some of them they say something else.</summary>
    private static readonly string[] s_norms = ["self_attn.q_norm", "self_attn.k_norm", "attn_q_norm", "attn_k_norm"];

    /// <summary>The attention of every block, in the order of the file.</summary>
    /// <exception cref="LowRankToolsException"><c>HeadSizeUnsupported</c>: there is none that is known, or one that is shared, that was factorized or that norms its heads;
    /// <c>WeightsDoNotFit</c>: sizes contradict each other.</exception>
    public static IReadOnlyList<AttentionPart> Of(Model model)
    {
        Dictionary<string, ModelLayer> layers = new(StringComparer.Ordinal);
        foreach (ModelLayer layer in model.Layers)
            layers.TryAdd(LayerNames.Module(layer.Shape.Name), layer);
        Dictionary<string, ModelLayer> tensors = model.Layers.ToDictionary(l => l.Shape.Name, StringComparer.Ordinal);
        if (layers.Keys.FirstOrDefault(m => s_norms.Any(n => m.EndsWith("." + n, StringComparison.Ordinal))) is { } norm)
            throw NotFound(model, $"'{norm}' norms whole heads");
        List<AttentionPart> parts = [];
        foreach ((string module, ModelLayer query) in layers)
        {
            if (Array.Find(s_habits, h => module.EndsWith("." + h.Query, StringComparison.Ordinal)) is not { Query: { } own } habit)
                continue;
            string block = module[..^own.Length];
            ModelLayer Beside(string name) => layers.GetValueOrDefault(block + name) ?? throw NotFound(model, $"'{query.Shape.Name}' has no '{block}{name}' beside it");
            ModelLayer key = Beside(habit.Key), value = Beside(habit.Value), output = Beside(habit.Output);
            ModelLayer? Bias(ModelLayer weight) => tensors.GetValueOrDefault(LayerNames.Bias(weight.Shape.Name));
            AttentionPart part = new(query, key, value, output, Bias(query), Bias(key), Bias(value), Bias(output));
            Check(model, part);
            parts.Add(part);
        }
        return parts.Count > 0 ? parts : throw NotFound(model, "no tensors are called as queries, keys, values and outputs of Llama or of GGUF are; BERT, ViT and GPT-2 have no number for a head's size apart from the model's width");
    }

    /// <summary>An error that says why heads cannot be made smaller.</summary>
    public static LowRankToolsException NotFound(Model model, string why) =>
        new(CoreErrors.HeadSizeUnsupported, $"{model.Source.Path}: no heads can be made smaller: {why}.", "Leave -HeadSize out, or factorize attention with Invoke-LowRankFactorization; models whose heads can shrink are in docs/quality.md.");

    private static void Check(Model model, AttentionPart part)
    {
        ModelLayer[] matrices = [part.Query, part.Key, part.Value, part.Output];
        if (Array.Find(matrices, m => m.Shape.TiedTo is not null) is { } shared)
            throw NotFound(model, $"'{shared.Shape.Name}' is shared with '{shared.Shape.TiedTo}'");
        if (Array.Find(matrices, m => !m.Shape.IsMatrix || m.Shape.Shape.Count != 2) is { } odd)
            throw Unfit(model, $"'{odd.Shape.Name}' is no matrix of a linear layer");
        (long width, long queries, long keys) = (part.Query.Shape.InFeatures!.Value, part.Query.Shape.OutFeatures!.Value, part.Key.Shape.OutFeatures!.Value);
        (long values, long gathered) = (part.Value.Shape.OutFeatures!.Value, part.Output.Shape.InFeatures!.Value);
        (ModelLayer Layer, long Out, long In)[] sizes = [(part.Key, keys, width), (part.Value, values, width), (part.Output, width, gathered)];
        if (sizes.FirstOrDefault(s => s.Layer.Shape.OutFeatures != s.Out || s.Layer.Shape.InFeatures != s.In).Layer is { } wrong)
            throw Unfit(model, $"'{wrong.Shape.Name}' is {wrong.Shape.OutFeatures} x {wrong.Shape.InFeatures} (outputs x inputs) beside queries of {queries} x {width} and keys of {keys} x {width}");
        (ModelLayer? Bias, long Size)[] biases = [(part.QueryBias, queries), (part.KeyBias, keys), (part.ValueBias, values), (part.OutputBias, width)];
        if (biases.FirstOrDefault(b => b.Bias is { } bias && (bias.Shape.Shape.Count != 1 || bias.Shape.Shape[0] != b.Size)).Bias is { } unlike)
            throw Unfit(model, $"'{unlike.Shape.Name}' is no bias of its layer");
    }

    private static LowRankToolsException Unfit(Model model, string what) => new(CoreErrors.WeightsDoNotFit, $"{model.Source.Path}: {what}.");
}
