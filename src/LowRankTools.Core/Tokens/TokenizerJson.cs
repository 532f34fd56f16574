using System.Text.Json;
using LowRankTools.Formats.Tokens;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>Reads what of <c>tokenizer.json</c>, the format of Hugging Face, is worked with here; anything else is refused by name, not guessed.</summary>
internal static class TokenizerJson
{
    private const int MaxNesting = 64;
    private const int MostTokens = 10_000_000;

    /// <summary>Reads a file.</summary>
    /// <exception cref="LowRankToolsException"><c>TokenizerInvalid</c>, <c>TokenizerUnsupported</c>.</exception>
    public static TokenizerDefinition Read(string path, byte[] json) => Parsed(path, json, root =>
    {
        JsonElement model = Field(root, "model", path);
        IReadOnlyList<string> vocabulary = Vocabulary(Field(model, "vocab", path), Added(root), path);
        (int[] first, int[] last) = Ends(root, vocabulary, path);
        return Text(model, "type") switch
        {
            "WordPiece" => WordPieces(root, model, vocabulary, path) with { First = first, Last = last },
            "BPE" => BytePairs(root, model, vocabulary, path) with { First = first, Last = last },
            { } other => throw Unsupported(path, $"a model of type '{other}'"),
            null => throw Invalid(path, "its model has no type."),
        };
    });

    /// <summary>What is made of a JSON text; whatever is wrong with it is one error.</summary>
    public static T Parsed<T>(string path, byte[] json, Func<JsonElement, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxNesting });
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or IndexOutOfRangeException)
        {
            throw Invalid(path, $"it is damaged: {e.Message}", e);
        }
    }

    /// <summary>Tokens by their ids, from an object of ids by tokens and a list of tokens beside it.</summary>
    public static IReadOnlyList<string> Vocabulary(JsonElement ids, IReadOnlyList<(string Token, int Id)> added, string path)
    {
        if (ids.ValueKind != JsonValueKind.Object)
            throw Invalid(path, "its vocabulary is no object of ids by tokens.");
        List<(string Token, int Id)> all = [.. ids.EnumerateObject().Select(p => (p.Name, p.Value.GetInt32()))];
        HashSet<int> known = [.. all.Select(t => t.Id)];
        all.AddRange(added.Where(t => !known.Contains(t.Id)));
        string?[] tokens = new string?[all.Count <= MostTokens ? all.Count : throw Invalid(path, $"it has more than {MostTokens} tokens.")];
        foreach ((string token, int id) in all)
        {
            if ((uint)id >= (uint)tokens.Length || tokens[id] is not null)
                throw Invalid(path, $"its ids have gaps or doubles: {id} is that of '{token}', and there are {tokens.Length} tokens.");
            tokens[id] = token;
        }
        return tokens!;
    }

    /// <summary>An error about a file of a tokenizer.</summary>
    public static LowRankToolsException Invalid(string path, string problem, Exception? inner = null) =>
        new(CoreErrors.TokenizerInvalid, $"{path}: {problem}", "Take the file that was published with the model, or give token ids in a token file.", inner);

    private static TokenizerDefinition WordPieces(JsonElement root, JsonElement model, IReadOnlyList<string> vocabulary, string path)
    {
        JsonElement? normalizer = Optional(root, "normalizer");
        if (normalizer is { } rules && Text(rules, "type") != "BertNormalizer")
            throw Unsupported(path, $"a normalizer of type '{Text(rules, "type")}'");
        bool lower = normalizer is { } n && Flag(n, "lowercase");
        return new TokenizerDefinition
        {
            Kind = TokenizerKind.WordPiece,
            Vocabulary = vocabulary,
            LowerCase = lower,
            StripAccents = normalizer is { } m && (Optional(m, "strip_accents") is null ? lower : Flag(m, "strip_accents")),
            ChineseCharacters = normalizer is { } c && Flag(c, "handle_chinese_chars"),
            Unknown = Text(model, "unk_token") ?? "[UNK]",
        };
    }

    private static TokenizerDefinition BytePairs(JsonElement root, JsonElement model, IReadOnlyList<string> vocabulary, string path)
    {
        if (Optional(root, "normalizer") is { } normalizer)
            throw Unsupported(path, $"a normalizer of type '{Text(normalizer, "type")}' before byte pairs");
        if (Flag(model, "byte_fallback"))
            throw Unsupported(path, "byte pairs over characters (byte_fallback)");
        JsonElement cutting = Field(root, "pre_tokenizer", path);
        List<JsonElement> steps = Text(cutting, "type") == "Sequence" ? [.. Field(cutting, "pretokenizers", path).EnumerateArray()] : [cutting];
        JsonElement bytes = steps.Count is 1 or 2 && Text(steps[^1], "type") == "ByteLevel" ? steps[^1] : throw Unsupported(path, "a cut into words other than ByteLevel");
        string? words = null;
        if (steps.Count == 2)
        {
            if (Text(steps[0], "type") != "Split" || Text(steps[0], "behavior") != "Isolated" || Flag(bytes, "use_regex"))
                throw Unsupported(path, "this sequence of cuts into words");
            words = Text(Field(steps[0], "pattern", path), "Regex") ?? throw Unsupported(path, "a cut at a fixed text");
        }
        return new TokenizerDefinition
        {
            Kind = TokenizerKind.BytePairs,
            Vocabulary = vocabulary,
            Merges = [.. Field(model, "merges", path).EnumerateArray().Select(m => m.ValueKind == JsonValueKind.Array ? $"{m[0].GetString()} {m[1].GetString()}" : m.GetString()!)],
            Words = words,
            BlankFirst = Flag(bytes, "add_prefix_space"),
        };
    }

    /// <summary>Ids before and behind a text, from the template for a single one.</summary>
    private static (int[] First, int[] Last) Ends(JsonElement root, IReadOnlyList<string> vocabulary, string path)
    {
        if (Optional(root, "post_processor") is not { } after)
            return ([], []);
        List<JsonElement> steps = Text(after, "type") == "Sequence" ? [.. Field(after, "processors", path).EnumerateArray()] : [after];
        List<int> first = [], last = [];
        foreach (JsonElement step in steps)
        {
            switch (Text(step, "type"))
            {
                case "ByteLevel":
                    break;
                case "BertProcessing":
                    first.Add(Field(step, "cls", path)[1].GetInt32());
                    last.Add(Field(step, "sep", path)[1].GetInt32());
                    break;
                case "TemplateProcessing":
                    bool seen = false;
                    foreach (JsonElement part in Field(step, "single", path).EnumerateArray())
                    {
                        if (Optional(part, "Sequence") is not null)
                            seen = true;
                        else
                            (seen ? last : first).Add(IdOf(Text(Field(part, "SpecialToken", path), "id"), vocabulary, path));
                    }
                    break;
                default:
                    throw Unsupported(path, $"a post-processor of type '{Text(step, "type")}'");
            }
        }
        return ([.. first], [.. last]);
    }

    private static int IdOf(string? token, IReadOnlyList<string> vocabulary, string path)
    {
        int id = token is null ? -1 : Enumerable.Range(0, vocabulary.Count).FirstOrDefault(i => vocabulary[i] == token, -1);
        return id >= 0 ? id : throw Invalid(path, $"its template has the token '{token}', which has no id.");
    }

    private static IReadOnlyList<(string, int)> Added(JsonElement root) => Optional(root, "added_tokens") is { ValueKind: JsonValueKind.Array } tokens
        ? [.. tokens.EnumerateArray().Select(t => (t.GetProperty("content").GetString()!, t.GetProperty("id").GetInt32()))] : [];

    private static JsonElement Field(JsonElement element, string name, string path) => Optional(element, name) ?? throw Invalid(path, $"the field '{name}' is missing.");

    private static JsonElement? Optional(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Text(JsonElement element, string name) => Optional(element, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static bool Flag(JsonElement element, string name) => Optional(element, name) is { ValueKind: JsonValueKind.True };

    private static LowRankToolsException Unsupported(string path, string what) =>
        new(CoreErrors.TokenizerUnsupported, $"{path}: {what} is not supported.", "Give token ids in a token file.");
}
