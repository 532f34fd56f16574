using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace LowRankTools.NotebookRunner;

/// <summary>
/// Tells whether a fresh run's outputs say the same as the ones that were stored. Whole numbers are equal; fractions may differ
/// by one in the last place that is shown, because processors of another instruction set round differently; cells that measure
/// this machine are only asked to show something.
/// </summary>
public static partial class OutputComparison
{
    // Plotted numbers are stored with seven digits; what lies far below one is the noise of rounding.
    private const double RelativeDifference = 2e-4;
    private const double AbsoluteDifference = 2e-6;

    /// <summary>What differs, a line each; empty when the outputs agree.</summary>
    /// <param name="stored">The notebook as it was.</param>
    /// <param name="fresh">The same notebook after a run.</param>
    public static IReadOnlyList<string> Differences(Notebook stored, Notebook fresh)
    {
        List<string> found = [];
        foreach ((NotebookCell before, NotebookCell after) in stored.Cells.Zip(fresh.Cells).Where(p => p.First.IsCode))
        {
            string? difference = before.IsMeasured
                ? before.Outputs.Count > 0 == after.Outputs.Count > 0 ? null : "one of the two shows nothing"
                : Difference(before.Outputs, after.Outputs);
            if (difference is not null)
                found.Add($"{stored.Name}, cell {before.Number}: {difference}");
        }
        return found;
    }

    private static string? Difference(JsonArray before, JsonArray after)
    {
        if (before.Count != after.Count)
            return $"{before.Count} outputs were stored, {after.Count} came";
        for (int i = 0; i < before.Count; i++)
        {
            if (Difference(before[i]!.AsObject(), after[i]!.AsObject()) is { } difference)
                return difference;
        }
        return null;
    }

    private static string? Difference(JsonObject before, JsonObject after)
    {
        if (before["text"] is { } text)
            return TextDifference(MultilineText.Read(text), MultilineText.Read(after["text"]));
        JsonObject stored = before["data"]!.AsObject(), came = after["data"] as JsonObject ?? [];
        if (!stored.Select(p => p.Key).SequenceEqual(came.Select(p => p.Key)))
            return $"stored as {string.Join(", ", stored.Select(p => p.Key))}, came as {string.Join(", ", came.Select(p => p.Key))}";
        foreach ((string mimeType, JsonNode? value) in stored)
        {
            // A picture shows what the figure beside it says in numbers, at pixels that no reader measures.
            string? difference = mimeType.EndsWith("json", StringComparison.Ordinal) ? JsonDifference(value, came[mimeType], mimeType)
                : mimeType == "image/svg+xml" || mimeType == "text/html" && stored.ContainsKey("text/plain") ? null
                : TextDifference(MultilineText.Read(value), MultilineText.Read(came[mimeType]));
            if (difference is not null)
                return difference;
        }
        return null;
    }

    internal static string? TextDifference(string stored, string came)
    {
        string[] before = stored.Trim().Split('\n'), after = came.Trim().Split('\n');
        if (before.Length != after.Length)
            return $"{before.Length} lines were stored, {after.Length} came: {came.Trim()}";
        for (int i = 0; i < before.Length; i++)
        {
            if (!Agree(before[i], after[i]))
                return $"stored '{before[i].Trim()}', came '{after[i].Trim()}'";
        }
        return null;
    }

    private static bool Agree(string before, string after)
    {
        if (Blank().Replace(Number().Replace(before, "#"), " ").Trim() != Blank().Replace(Number().Replace(after, "#"), " ").Trim())
            return false;
        return Number().Matches(before).Zip(Number().Matches(after)).All(p => NumbersAgree(p.First.Value, p.Second.Value));
    }

    private static bool NumbersAgree(string before, string after)
    {
        if (before == after)
            return true;
        int point = before.IndexOf('.', StringComparison.Ordinal);
        if (point < 0 || after.IndexOf('.', StringComparison.Ordinal) < 0)
            return false;
        int exponent = before.IndexOfAny(['e', 'E']);
        int places = (exponent < 0 ? before.Length : exponent) - point - 1;
        double unit = Math.Pow(10, -places + (exponent < 0 ? 0 : int.Parse(before[(exponent + 1)..], CultureInfo.InvariantCulture)));
        return Math.Abs(Parse(before) - Parse(after)) <= 1.001 * unit;
    }

    private static double Parse(string number) => double.Parse(number.Replace(",", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static string? JsonDifference(JsonNode? before, JsonNode? after, string at)
    {
        switch (before, after)
        {
            case (JsonObject a, JsonObject b) when a.Count == b.Count:
                return a.Select(p => JsonDifference(p.Value, b[p.Key], $"{at}.{p.Key}")).FirstOrDefault(d => d is not null);
            case (JsonArray a, JsonArray b) when a.Count == b.Count:
                return a.Select((v, i) => JsonDifference(v, b[i], $"{at}[{i}]")).FirstOrDefault(d => d is not null);
            case (JsonValue a, JsonValue b) when a.TryGetValue(out double x) && b.TryGetValue(out double y):
                return Math.Abs(x - y) <= AbsoluteDifference + RelativeDifference * Math.Abs(x) ? null : $"{at}: stored {x}, came {y}";
            case (JsonValue a, JsonValue b) when a.TryGetValue(out string? x) && b.TryGetValue(out string? y):
                return TextDifference(x, y) is { } difference ? $"{at}: {difference}" : null;
            default:
                return JsonNode.DeepEquals(before, after) ? null : $"{at}: stored {before?.ToJsonString()}, came {after?.ToJsonString()}";
        }
    }

    [GeneratedRegex(@"-?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex(@"[ \t─-]+")]
    private static partial Regex Blank();
}
