using System.Text.Json.Nodes;

namespace LowRankTools.NotebookRunner;

/// <summary>Text as notebook files hold it: one string, or a list of lines with their line ends.</summary>
internal static class MultilineText
{
    public static string Read(JsonNode? node) => node switch
    {
        JsonArray lines => string.Concat(lines.Select(l => (string?)l)),
        null => "",
        _ => (string?)node ?? "",
    };

    public static JsonArray Write(string text)
    {
        string[] lines = text.Split('\n');
        JsonArray array = [];
        for (int i = 0; i < lines.Length; i++)
        {
            string line = i < lines.Length - 1 ? lines[i] + "\n" : lines[i];
            if (line.Length > 0)
                array.Add((JsonNode)line);
        }
        return array;
    }
}
