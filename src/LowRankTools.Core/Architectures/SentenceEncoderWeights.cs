using System.Globalization;
using System.Text.RegularExpressions;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Tensors;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// Universal Sentence Encoder lite known by its weights. Its TensorFlow graph is always the same one; sizes and constants
/// are read from the tensors, names are put into the network's.
/// </summary>
internal static partial class SentenceEncoderWeights
{
    private const string Embedding = "module/Embeddings_en";
    private const string Constants = "module_apply_default/Encoder_en/KonaTransformer/";

    /// <summary>The parts of a layer: the graph's names without layer number and decoration, and the network's.</summary>
    private static readonly (string Graph, string Network)[] s_parts =
    [
        ("layer_prepostprocess/layer_norm/layer_norm_scale", "attention_norm.weight"),
        ("layer_prepostprocess/layer_norm/layer_norm_bias", "attention_norm.bias"),
        ("MultiheadAttention/qkv_transform_single/kernel", "attention.qkv.weight"),
        ("MultiheadAttention/qkv_transform_single/bias", "attention.qkv.bias"),
        ("MultiheadAttention/output_transform_single/kernel", "attention.output.weight"),
        ("MultiheadAttention/output_transform_single/bias", "attention.output.bias"),
        ("dense/kernel", "bypass.weight"),
        ("dense/bias", "bypass.bias"),
        ("FFN/layer_prepostprocess/layer_norm/layer_norm_scale", "forward_norm.weight"),
        ("FFN/layer_prepostprocess/layer_norm/layer_norm_bias", "forward_norm.bias"),
        ("FFN/conv1/Tensordot", "forward.up.weight"),
        ("FFN/conv1/bias", "forward.up.bias"),
        ("FFN/conv2/Tensordot", "forward.down.weight"),
        ("FFN/conv2/bias", "forward.down.bias"),
    ];

    /// <summary>Network and weights; null where the model is something else.</summary>
    public static (TransformerConfig Config, ModelWeights Weights)? Recognize(Model model)
    {
        if (!model.Layers.Any(l => l.Shape.Name.StartsWith(Embedding, StringComparison.Ordinal)))
            return null;
        HashSet<string> pairs = [.. model.Layers.Select(l => l.Shape.Name).Where(n => n.EndsWith(".0.weight", StringComparison.Ordinal))
            .Select(n => Whole(n[..^".0.weight".Length])).OfType<string>().Select(Owner)];
        WeightNames names = new(model.Layers, tensor => Name(tensor, pairs));
        SentenceEncoderConfig config = new()
        {
            Vocabulary = names.Rows("embedding"),
            EmbeddingWidth = names.Length("layers.0.attention_norm.bias"),
            Width = names.BiasLength("output"),
            Hidden = names.BiasLength("layers.0.forward.up"),
            Depth = Enumerable.Range(0, TransformerConfig.MaxDepth).TakeWhile(i => names.Length($"layers.{i}.forward_norm.bias") > 0).Count(),
            Heads = (int)Constant(model, Constants + "Encode/TransformerStack/Layer_1/TransformerLayer/MultiheadAttention/split_heads/split_last_dimension/Reshape/shape/2", 4),
            Positions = (int)Constant(model, Constants + "ClipToMaxLength/Less/y", 128),
            Epsilon = Constant(model, Constants + "Encode/TransformerStack/Layer_1/TransformerLayer/FFN/layer_prepostprocess/layer_norm/Cast/x", 1e-6),
        };
        config.Check();
        WeightLayout layout = new()
        {
            // The factors that a factorization writes are in PyTorch's orientation; the graph's own matrices are not.
            IsInOut = n => n.EndsWith(".weight", StringComparison.Ordinal) && !n.StartsWith("embedding.", StringComparison.Ordinal) && !Factor().IsMatch(n),
            Ignores = n => n.Contains('/'),
        };
        return (config, new ModelWeights(model, names, layout));
    }

    /// <summary>The network's name of a tensor of the graph or of a factor; others keep theirs.</summary>
    private static string Name(string tensor, HashSet<string> pairs)
    {
        Match factor = Factor().Match(tensor);
        if (Whole(factor.Success ? tensor[..factor.Index] : tensor) is not { } name)
            return tensor;
        string owner = Owner(name);
        if (factor.Success)
        {
            // The graph keeps each bias as a tensor of its own: a bias of the second half is zeros that nothing needs.
            return factor.Value == ".1.bias" ? tensor : owner + factor.Value;
        }
        return name.EndsWith(".bias", StringComparison.Ordinal) && pairs.Contains(owner) ? owner + ".1.bias" : name;
    }

    private static string Owner(string name) => name[..name.LastIndexOf('.')];

    private static string? Whole(string graph)
    {
        switch (graph)
        {
            case Embedding:
                return "embedding.weight";
            case "module/Encoder_en/hidden_layers/tanh_layer_0/weights":
                return "output.weight";
            case "module/Encoder_en/hidden_layers/tanh_layer_0/bias":
                return "output.bias";
        }
        Match match = LayerTensor().Match(graph);
        if (!match.Success)
            return null;
        string part = match.Groups["part"].Value;
        string? network = s_parts.FirstOrDefault(p => p.Graph == part).Network;
        return network is null ? null : string.Create(CultureInfo.InvariantCulture, $"layers.{match.Groups["layer"].Value}.{network}");
    }

    private static double Constant(Model model, string name, double otherwise)
    {
        TensorInfo? tensor = model.File.Tensors.FirstOrDefault(t => t.Name == name && t.ElementCount == 1);
        if (tensor is null)
            return otherwise;
        float[] value = new float[1];
        model.File.ReadSingles(tensor, 0, value);
        return value[0];
    }

    [GeneratedRegex(@"/Layer_(?<layer>\d{1,4})/TransformerLayer/(?<part>.+?)(/ConcatPartitions/concat|/part_0|/Reshape_1)$", RegexOptions.CultureInvariant)]
    private static partial Regex LayerTensor();

    [GeneratedRegex(@"\.[01]\.(weight|bias)$|\.weight\.(core\d{1,2}|pivots|rows|others)$", RegexOptions.CultureInvariant)]
    private static partial Regex Factor();
}
