using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages JSON between its tokens, so that most of what comes out is JSON still.</summary>
internal static class JsonMutation
{
    private static readonly string[] s_values =
    [
        "null", "true", "{}", "[]", "\"\"", "0", "-1", "1e3", "1.5", "-0", "1e400", "9223372036854775808", "18446744073709551616", "1E-400", "\"\\ud800\"", "NaN", "[[]]", "{\"a\":{}}",
        "\"F32\"", "\"F4\"", "\"F8_E4M3\"", "\"BOOL\"", "\"float16\"", "\"string\"", "\"uint16\"", "\"complex64\"",
    ];

    private readonly record struct Token(JsonTokenType Type, int Start, int End);

    public static byte[]? Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        step = "";
        List<Token> tokens = Tokens(bytes);
        if (tokens.Count < 2)
            return null;
        int which = random.Next(tokens.Count);
        Token token = tokens[which];
        switch (random.Next(8))
        {
            case 0:
                return Number(random, bytes, tokens, out step);
            case 1:
                step = $"value at {token.Start} replaced";
                return Replace(bytes, token.Start, ValueEnd(tokens, which), random.Pick(s_values));
            case 2:
                return Member(random, bytes, tokens, tokens, bytes, out step);
            case 3:
                // A member of another file's object; the keys may meet again.
                return Member(random, bytes, tokens, Tokens(other), other, out step);
            case 4:
                int depth = random.Next(2) == 0 ? random.Next(1, 20) : random.Pick([63, 64, 65, 127, 128, 129, 1000, 20_000]);
                bool list = random.Next(2) == 0;
                step = $"{depth} deep at {token.Start}";
                string open = list ? "[" : "{\"a\":", close = list ? "]" : "}";
                int end = ValueEnd(tokens, which);
                string inner = token.Type == JsonTokenType.PropertyName ? "0" : Encoding.UTF8.GetString(bytes, token.Start, end - token.Start);
                return Replace(bytes, token.Start, end, string.Concat(Enumerable.Repeat(open, depth)) + inner + string.Concat(Enumerable.Repeat(close, depth)));
            case 5:
                return Text(random, bytes, tokens, out step);
            case 6:
                step = $"token at {token.Start} gone";
                return Replace(bytes, token.Start, token.End, "");
            default:
                Token with = tokens[random.Next(tokens.Count)];
                step = $"token at {token.Start} replaced by the one at {with.Start}";
                return Replace(bytes, token.Start, token.End, Encoding.UTF8.GetString(bytes, with.Start, with.End - with.Start));
        }
    }

    /// <summary>A file name in a text: the mutations of references use it too.</summary>
    public static byte[] ReplaceText(byte[] bytes, string was, string now) =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace(JsonSerializer.Serialize(was), Quote(now), StringComparison.Ordinal));

    private static byte[]? Number(Random random, byte[] bytes, List<Token> tokens, out string step)
    {
        Token[] numbers = [.. tokens.Where(t => t.Type == JsonTokenType.Number)];
        step = "";
        if (numbers.Length == 0)
            return null;
        Token number = random.Pick(numbers);
        string text = Encoding.UTF8.GetString(bytes, number.Start, number.End - number.Start);
        ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong was);
        ulong value = random.Boundary(was, bytes.Length);
        string now = random.Next(6) == 0 ? "-" + value.ToString(CultureInfo.InvariantCulture) : value.ToString(CultureInfo.InvariantCulture);
        step = $"number {text} made {now}";
        return Replace(bytes, number.Start, number.End, now);
    }

    /// <summary>Puts a member into an object a second time, or one that another object has.</summary>
    private static byte[]? Member(Random random, byte[] bytes, List<Token> tokens, List<Token> source, byte[] sourceBytes, out string step)
    {
        int[] names = [.. Enumerable.Range(0, source.Count).Where(i => source[i].Type == JsonTokenType.PropertyName)];
        Token[] objects = [.. tokens.Where(t => t.Type == JsonTokenType.StartObject)];
        step = "";
        if (names.Length == 0 || objects.Length == 0)
            return null;
        int name = random.Pick(names);
        int end = ValueEnd(source, name);
        string member = Encoding.UTF8.GetString(sourceBytes, source[name].Start, end - source[name].Start);
        // The key may be spelt differently and be the same.
        if (random.Next(4) == 0 && member.Length > 2 && char.IsAsciiLetter(member[1]))
            member = $"\"\\u{(int)member[1]:x4}{member[2..]}";
        Token into = random.Pick(objects);
        step = $"member '{(member.Length > 20 ? member[..20] : member)}' put into the object at {into.Start}";
        bool empty = tokens.Any(t => t.Type == JsonTokenType.EndObject && t.Start == into.End);
        return Replace(bytes, into.End, into.End, empty ? member : member + ",");
    }

    private static byte[]? Text(Random random, byte[] bytes, List<Token> tokens, out string step)
    {
        Token[] texts = [.. tokens.Where(t => t.Type is JsonTokenType.String or JsonTokenType.PropertyName)];
        step = "";
        if (texts.Length == 0)
            return null;
        Token text = random.Pick(texts);
        string now = random.Pick(Choices.Names);
        step = $"text at {text.Start} made '{now}'";
        return Replace(bytes, text.Start, text.End, Quote(now) + (text.Type == JsonTokenType.PropertyName ? ":" : ""));
    }

    /// <summary>A JSON text; a lone surrogate stays one, as an escape.</summary>
    private static string Quote(string text) =>
        "\"" + string.Concat(text.Select(c => c is >= ' ' and < '\x7F' and not '"' and not '\\' ? c.ToString() : $"\\u{(int)c:x4}")) + "\"";

    private static byte[] Replace(byte[] bytes, int start, int end, string now) =>
        [.. bytes[..start], .. Encoding.UTF8.GetBytes(now), .. bytes[end..]];

    private static int ValueEnd(List<Token> tokens, int at)
    {
        int first = tokens[at].Type == JsonTokenType.PropertyName ? at + 1 : at;
        int depth = 0;
        for (int i = first; i < tokens.Count; i++)
        {
            depth += tokens[i].Type switch
            {
                JsonTokenType.StartObject or JsonTokenType.StartArray => 1,
                JsonTokenType.EndObject or JsonTokenType.EndArray => -1,
                _ => 0,
            };
            if (depth <= 0)
                return tokens[i].End;
        }
        return tokens[at].End;
    }

    private static List<Token> Tokens(byte[] bytes)
    {
        List<Token> tokens = [];
        Utf8JsonReader reader = new(bytes);
        try
        {
            while (reader.Read())
                tokens.Add(new Token(reader.TokenType, (int)reader.TokenStartIndex, (int)reader.BytesConsumed));
        }
        catch (JsonException)
        {
            // The tokens before what was damaged earlier.
        }
        return tokens;
    }
}
