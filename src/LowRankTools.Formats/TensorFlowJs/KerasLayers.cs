using System.Text.Json;
using LowRankTools.Formats.Graphs;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Roles of Keras variables, by the class of their layer and by their own names.</summary>
internal static class KerasLayers
{
    /// <summary>Wrappers in wrappers and models in models.</summary>
    private const int MaxDepth = 64;

    /// <summary>Class of every layer by its name, nested models and wrapped layers included.</summary>
    public static Dictionary<string, string> ReadClasses(JsonElement topology)
    {
        Dictionary<string, string> classes = new(StringComparer.Ordinal);
        if (topology.ValueKind == JsonValueKind.Object && topology.TryGetProperty("model_config", out JsonElement config))
            Collect(config, classes, 0);
        return classes;
    }

    /// <summary>The role of a variable such as <c>dense_1/kernel</c>.</summary>
    public static TensorRole Role(string name, GraphWeight weight, IReadOnlyDictionary<string, string> classes)
    {
        string[] path = name.Split('/');
        string layer = path.Reverse().Skip(1).Select(part => classes.GetValueOrDefault(part)).FirstOrDefault(c => c is not null) ?? "";
        string variable = path[^1];
        // Names of saved variables may end in ":0".
        int colon = variable.IndexOf(':', StringComparison.Ordinal);
        return (colon < 0 ? variable : variable[..colon]) switch
        {
            "kernel" or "weights" => Kernel(layer, weight),
            "depthwise_kernel" or "pointwise_kernel" => TensorFlowOperators.Kernel(weight),
            "recurrent_kernel" => TensorRole.Recurrent,
            "embeddings" => TensorRole.Embedding,
            "bias" => TensorRole.Bias,
            "gamma" or "beta" => TensorRole.Normalization,
            "moving_mean" or "moving_variance" => TensorRole.Buffer,
            _ => TensorRole.Unknown,
        };
    }

    private static TensorRole Kernel(string layer, GraphWeight weight)
    {
        if (layer.Contains("LSTM", StringComparison.Ordinal) || layer.Contains("GRU", StringComparison.Ordinal) || layer.Contains("RNN", StringComparison.Ordinal))
            return TensorRole.Recurrent;
        if (weight.Rank == 2)
            return TensorRole.MatMulRight;
        // Without a class a kernel of three to five axes is a convolution; EinsumDense and attention have such kernels too.
        if (weight.Rank is >= 3 and <= 5 && layer.Contains("Conv", StringComparison.Ordinal) && layer.EndsWith("Transpose", StringComparison.Ordinal))
            return TensorRole.TransposedConvolutionChannelsLast;
        return weight.Rank is >= 3 and <= 5 && (layer.Length == 0 || layer.Contains("Conv", StringComparison.Ordinal))
            ? TensorFlowOperators.Kernel(weight)
            : TensorRole.Unknown;
    }

    private static void Collect(JsonElement element, Dictionary<string, string> classes, int depth)
    {
        if (depth > MaxDepth)
            return;
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in element.EnumerateArray())
                Collect(item, classes, depth + 1);
        }
        if (element.ValueKind != JsonValueKind.Object)
            return;
        if (element.TryGetProperty("class_name", out JsonElement name) && name.ValueKind == JsonValueKind.String
            && element.TryGetProperty("config", out JsonElement config) && config.ValueKind == JsonValueKind.Object
            && config.TryGetProperty("name", out JsonElement layer) && layer.ValueKind == JsonValueKind.String)
        {
            classes[layer.GetString()!] = name.GetString()!;
        }
        foreach (JsonProperty property in element.EnumerateObject())
            Collect(property.Value, classes, depth + 1);
    }
}
