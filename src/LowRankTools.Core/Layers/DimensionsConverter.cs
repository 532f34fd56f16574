using System.Text.Json;
using System.Text.Json.Serialization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Layers;

/// <summary>
/// Shapes in JSON: an array of sizes. Read, they may also be what PowerShell's ConvertTo-Json makes of one: text where its depth
/// ends, an object with the sizes and their number where it does not.
/// </summary>
public sealed class DimensionsConverter : JsonConverter<Dimensions>
{
    /// <inheritdoc/>
    /// <exception cref="JsonException">It is none of them.</exception>
    public override Dimensions Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.StartArray => Sizes(ref reader),
        JsonTokenType.String => Parse(reader.GetString()!),
        JsonTokenType.StartObject => Properties(ref reader),
        _ => throw new JsonException("A shape is an array of sizes"),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Dimensions value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (long size in value)
            writer.WriteNumberValue(size);
        writer.WriteEndArray();
    }

    private static Dimensions Sizes(ref Utf8JsonReader reader)
    {
        List<long> sizes = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            sizes.Add(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long size) ? size : throw new JsonException("A shape is made of whole numbers"));
        return [.. sizes];
    }

    private static Dimensions Properties(ref Utf8JsonReader reader)
    {
        Dimensions? shape = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isSizes = reader.ValueTextEquals(nameof(Dimensions.Sizes)), isCount = reader.ValueTextEquals(nameof(Dimensions.Count));
            reader.Read();
            if (isSizes && reader.TokenType == JsonTokenType.StartArray)
                shape = Sizes(ref reader);
            else if (!isCount)
                throw new JsonException($"A shape has {nameof(Dimensions.Sizes)} and {nameof(Dimensions.Count)}");
        }
        return shape ?? throw new JsonException("A shape lacks its sizes");
    }

    private static Dimensions Parse(string text)
    {
        try
        {
            return Dimensions.Parse(text);
        }
        catch (LowRankToolsException e)
        {
            throw new JsonException(e.Message, e);
        }
    }
}
