using System.Text.Json;
using LowRankTools.Formats.IO;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Models;

/// <summary>A model's <c>config.json</c>: typed fields, and errors that name file and field.</summary>
internal sealed class ConfigFile
{
    /// <summary>Name of the file beside the weights.</summary>
    public const string FileName = "config.json";

    /// <summary>Bytes of a configuration at most.</summary>
    public const int MaxBytes = 10_000_000;

    private const int MaxNesting = 32;

    private readonly JsonElement _fields;
    private readonly string _inside;

    private ConfigFile(string path, JsonElement fields, string inside)
    {
        Path = path;
        _fields = fields;
        _inside = inside;
    }

    /// <summary>Full path of the file.</summary>
    public string Path { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: it is too long or no JSON object.</exception>
    public static ConfigFile Read(string path) =>
        Parse(path, RegularFile.ReadAllBytes(path, MaxBytes) ?? throw Error(path, $"it is longer than {MaxBytes} bytes."));

    /// <summary>Reads a file's content.</summary>
    /// <param name="path">Its path or address, for errors.</param>
    /// <param name="json">The content.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>: it is no JSON object.</exception>
    public static ConfigFile Parse(string path, byte[] json)
    {
        try
        {
            CheckTexts(json);
            // The document is small and lives as long as its clone of the root.
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxNesting });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return new ConfigFile(path, document.RootElement.Clone(), "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Error(path, $"it is no JSON: {e.Message}", e);
        }
        throw Error(path, "it is no JSON object.");
    }

    /// <summary>Whether the field is there with a value.</summary>
    public bool Has(string field) => Find(field) is not null;

    /// <summary>The first of several names that the file knows; the first of all where it knows none.</summary>
    public string Named(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (Has(name))
                return name;
        }
        return names[0];
    }

    /// <summary>A whole number.</summary>
    /// <param name="field">Its name.</param>
    /// <param name="otherwise">Value where the file leaves it out or has null; null makes it an error.</param>
    public int Int(string field, int? otherwise = null) =>
        Find(field) is not { } value ? otherwise ?? throw Missing(field)
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number
        : throw Wrong(field, value, "a whole number");

    /// <summary>A number.</summary>
    public double Number(string field, double? otherwise = null) =>
        Find(field) is not { } value ? otherwise ?? throw Missing(field)
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) ? number
        : throw Wrong(field, value, "a number");

    /// <summary>True or false.</summary>
    public bool Flag(string field, bool otherwise) =>
        Find(field) is not { } value ? otherwise
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(field, value, "true or false");

    /// <summary>A text.</summary>
    public string Text(string field, string? otherwise = null) =>
        Find(field) is not { } value ? otherwise ?? throw Missing(field)
        : value.ValueKind == JsonValueKind.String ? value.GetString()!
        : throw Wrong(field, value, "a text");

    /// <summary>A list of texts; empty where the file has none.</summary>
    public IReadOnlyList<string> Texts(string field)
    {
        if (Find(field) is not { } value)
            return [];
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(v => v.ValueKind != JsonValueKind.String))
            throw Wrong(field, value, "a list of texts");
        return [.. value.EnumerateArray().Select(v => v.GetString()!)];
    }

    /// <summary>A list of numbers, as long as the file has it.</summary>
    public IReadOnlyList<double> Numbers(string field)
    {
        JsonElement value = Find(field) ?? throw Missing(field);
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(v => v.ValueKind != JsonValueKind.Number || !v.TryGetDouble(out _)))
            throw Wrong(field, value, "a list of numbers");
        return [.. value.EnumerateArray().Select(v => v.GetDouble())];
    }

    /// <summary>An object inside this one; null where the file has none.</summary>
    public ConfigFile? Inner(string field) =>
        Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new ConfigFile(Path, value, $"{_inside}{field}.")
        : throw Wrong(field, value, "an object");

    /// <summary>Names of all fields that have a value, in the file's order.</summary>
    public IReadOnlyList<string> Names() =>
        [.. _fields.EnumerateObject().Where(f => f.Value.ValueKind != JsonValueKind.Null).Select(f => f.Name)];

    /// <summary>An error that says that something in this file is not as it must be.</summary>
    public LowRankToolsException Invalid(string message, Exception? inner = null) => Error(Path, message, inner);

    /// <summary>An error about something that the file asks for and that cannot be done here.</summary>
    public LowRankToolsException Unsupported(string what) =>
        new(CoreErrors.ArchitectureUnsupported, $"{Path}: {what} is not supported.", "Models that run are listed in docs/architectures.md.");

    // The parser takes texts as bytes: what is no UTF-8, or half a character, would fail only where it is read.
    private static void CheckTexts(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = MaxNesting });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String)
                reader.GetString();
        }
    }

    private JsonElement? Find(string field) =>
        _fields.TryGetProperty(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private LowRankToolsException Missing(string field) => Error(Path, $"the field '{_inside}{field}' is missing.");

    private LowRankToolsException Wrong(string field, JsonElement value, string wanted)
    {
        string text = value.GetRawText();
        return Error(Path, $"the field '{_inside}{field}' is {(text.Length > 40 ? text[..40] + "..." : text)} and not {wanted}.");
    }

    private static LowRankToolsException Error(string path, string message, Exception? inner = null) =>
        new(CoreErrors.ConfigInvalid, $"{path}: {message}", "Correct the configuration.", inner);
}
