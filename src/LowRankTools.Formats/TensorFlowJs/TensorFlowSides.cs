using System.Text;
using System.Text.Json;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>
/// Steps, dilations and paddings of a convolution in a <c>GraphDef</c>, side by side: a number for each dimension of the image, of paddings two. SAME and VALID mean
/// the same of each side alone, and nothing of a kernel of size 1 that goes by steps of one.
/// </summary>
internal static class TensorFlowSides
{
    private const string Steps = "strides", Dilations = "dilations", Paddings = "explicit_paddings";
    private const int Dimensions = 4;

    /// <summary>Whether an attribute has a number for each side.</summary>
    public static bool Is(string attribute) => attribute is Steps or Dilations or Paddings;

    /// <summary>Whether a convolution says of each side what it does, in a way that is known here.</summary>
    public static bool AreKnown(JsonElement node) => TensorFlowGraph.Property(node, "attr", out JsonElement attributes) && Height(attributes) is not null
        && Count(attributes, Steps) == Dimensions && Count(attributes, Dilations) is 0 or Dimensions && Count(attributes, Paddings) is 0 or 2 * Dimensions;

    /// <summary>Writes an attribute for one convolution of a chain: of the sides that others take over what leaves them alone.</summary>
    /// <param name="json">Where to, behind the attribute's name.</param>
    /// <param name="attributes">All attributes of the node, which <see cref="AreKnown"/> knows.</param>
    /// <param name="attribute">The one to write.</param>
    /// <param name="stage">What the convolution takes over.</param>
    public static void Write(Utf8JsonWriter json, JsonElement attributes, JsonProperty attribute, TensorFlowJsConvolution stage)
    {
        int perSide = attribute.Name == Paddings ? 2 : 1, height = Height(attributes)!.Value;
        json.WriteStartObject();
        json.WriteStartObject("list");
        int i = 0;
        foreach (JsonElement number in Numbers(attribute.Value))
        {
            if (i == 0)
                json.WriteStartArray("i");
            int side = i++ / perSide - height;
            if (side == 0 && !stage.TakesHeight || side == 1 && !stage.TakesWidth)
                Neutral(json, number, attribute.Name == Paddings ? 0 : 1);
            else
                json.WriteRawValue(number.GetRawText(), skipInputValidation: true);
        }
        if (i > 0)
            json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // 64-bit numbers are texts in most files.
    private static void Neutral(Utf8JsonWriter json, JsonElement like, int number)
    {
        if (like.ValueKind == JsonValueKind.String)
            json.WriteStringValue(number == 0 ? "0" : "1");
        else
            json.WriteNumberValue(number);
    }

    private static int Count(JsonElement attributes, string name) => TensorFlowGraph.Property(attributes, name, out JsonElement attribute) ? Numbers(attribute).Count() : 0;

    private static IEnumerable<JsonElement> Numbers(JsonElement attribute) => TensorFlowGraph.Property(attribute, "list", out JsonElement list) ? TensorFlowGraph.Items(list, "i") : [];

    /// <summary>A short text of an attribute: in base 64, or byte by byte.</summary>
    private static string? Letters(JsonElement attribute)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (TensorFlowGraph.Text(attribute, "s") is { } text)
            return Convert.TryFromBase64String(text, bytes, out int length) ? Encoding.ASCII.GetString(bytes[..length]) : null;
        return string.Concat(TensorFlowGraph.Items(attribute, "s").Take(bytes.Length).Select(b => b.ValueKind == JsonValueKind.Number && b.TryGetByte(out byte letter) ? (char)letter : ' '));
    }

    /// <summary>Which dimension of the image is its height: the one behind the batch, or behind the channels; null where the order is another.</summary>
    private static int? Height(JsonElement attributes)
    {
        if (!TensorFlowGraph.Property(attributes, "data_format", out JsonElement order))
            return 1;
        return Letters(order) switch { "NHWC" => 1, "NCHW" => 2, _ => null };
    }
}
