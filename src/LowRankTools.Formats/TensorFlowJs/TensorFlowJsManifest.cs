using System.Collections.Immutable;
using System.Text.Json;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>Reads the <c>weightsManifest</c> of a model.json.</summary>
internal static class TensorFlowJsManifest
{
    /// <summary>The property that makes a JSON file a TensorFlow.js model.</summary>
    public const string Key = "weightsManifest";

    /// <summary>Reads all groups.</summary>
    /// <exception cref="JsonException">The manifest does not follow its format.</exception>
    public static List<TensorFlowJsGroup> Read(JsonElement manifest)
    {
        List<TensorFlowJsGroup> groups = [];
        foreach (JsonElement group in Array(manifest, Key))
        {
            List<string> paths = [.. Array(Property(group, "paths"), "paths").Select(path => Text(path, "a path"))];
            List<TensorFlowJsWeight> weights = [.. Array(Property(group, "weights"), "weights").Select(ReadWeight)];
            groups.Add(new TensorFlowJsGroup(paths, weights));
        }
        return groups;
    }

    private static TensorFlowJsWeight ReadWeight(JsonElement weight)
    {
        string name = Text(Property(weight, "name"), "a name");
        JsonElement shape = Property(weight, "shape");
        if (shape.ValueKind == JsonValueKind.Array && shape.GetArrayLength() > TensorShape.MaxDimensions)
            throw new JsonException($"'{name}' has more than {TensorShape.MaxDimensions} dimensions");
        ImmutableArray<long> sizes = [.. Array(shape, "shape").Select(size => Size(size, name))];
        return new TensorFlowJsWeight(name, Text(Property(weight, "dtype"), "a dtype"), sizes, ReadQuantization(weight, name)) { Entry = weight.GetRawText() };
    }

    private static TensorFlowJsQuantization? ReadQuantization(JsonElement weight, string name)
    {
        if (!weight.TryGetProperty("quantization", out JsonElement quantization) || quantization.ValueKind == JsonValueKind.Null)
            return null;
        string stored = Text(Property(quantization, "dtype"), "a dtype");
        return stored == "float16"
            ? new TensorFlowJsQuantization(stored, 1, 0)
            : new TensorFlowJsQuantization(stored, Number(Property(quantization, "scale"), name), Number(Property(quantization, "min"), name));
    }

    private static double Number(JsonElement element, string name)
    {
        double number = element.ValueKind == JsonValueKind.Number ? element.GetDouble() : double.NaN;
        return double.IsFinite(number) ? number : throw new JsonException($"'{name}' has a quantization that is no number");
    }

    private static long Size(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out long size)
            ? size
            : throw new JsonException($"'{name}' has a size that is no whole number");

    private static string Text(JsonElement element, string what) =>
        element.ValueKind == JsonValueKind.String ? element.GetString()! : throw new JsonException($"{what} is not a text");

    private static JsonElement Property(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value)
            ? value
            : throw new JsonException($"'{name}' is missing");

    private static JsonElement.ArrayEnumerator Array(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : throw new JsonException($"'{name}' is not an array");
}
