using System.Text.Json;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>The part of JSON Schema that the published schema of plans uses: types, required and closed properties, items, enum, const, minimum.</summary>
internal static class SchemaCheck
{
    private static readonly string[] s_known = ["$schema", "$id", "title", "description", "type", "properties", "required", "additionalProperties", "items", "enum", "const", "minimum", "exclusiveMinimum", "pattern"];

    public static void Valid(JsonElement schema, JsonElement value, string at = "$")
    {
        Assert.All(schema.EnumerateObject(), keyword => Assert.Contains(keyword.Name, s_known));
        if (schema.TryGetProperty("type", out JsonElement type))
            Assert.True(Types(type).Any(t => Is(value, t)), $"{at} is {value.ValueKind}, not {type}");
        if (schema.TryGetProperty("enum", out JsonElement names))
            Assert.Contains(value.GetRawText(), names.EnumerateArray().Select(n => n.GetRawText()));
        if (schema.TryGetProperty("const", out JsonElement constant))
            Assert.Equal(constant.GetRawText(), value.GetRawText());
        if (schema.TryGetProperty("minimum", out JsonElement minimum) && value.ValueKind == JsonValueKind.Number)
            Assert.True(value.GetDouble() >= minimum.GetDouble(), $"{at} is below {minimum}");
        if (value.ValueKind == JsonValueKind.Array && schema.TryGetProperty("items", out JsonElement items))
        {
            foreach (JsonElement item in value.EnumerateArray())
                Valid(items, item, at + "[]");
        }
        if (value.ValueKind != JsonValueKind.Object)
            return;
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        JsonElement properties = schema.GetProperty("properties");
        string?[] required = [.. schema.GetProperty("required").EnumerateArray().Select(r => r.GetString())];
        // In the order of the schema; only what is not required may be missing.
        Assert.Equal(properties.EnumerateObject().Select(p => p.Name).Where(n => value.TryGetProperty(n, out _) || required.Contains(n)), value.EnumerateObject().Select(p => p.Name));
        Assert.Equal(properties.EnumerateObject().Select(p => p.Name).Where(required.Contains), required);
        foreach (JsonProperty property in value.EnumerateObject())
            Valid(properties.GetProperty(property.Name), property.Value, $"{at}.{property.Name}");
    }

    private static IEnumerable<string?> Types(JsonElement type) => type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(t => t.GetString()) : [type.GetString()];

    private static bool Is(JsonElement value, string? type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "number" => value.ValueKind == JsonValueKind.Number,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        _ => false,
    };
}
