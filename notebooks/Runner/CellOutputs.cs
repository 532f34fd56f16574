using System.Text;
using System.Text.Json.Nodes;

namespace LowRankTools.NotebookRunner;

/// <summary>Gathers the events of a running cell as a notebook file holds them. Text that comes line by line is one output.</summary>
internal sealed class CellOutputs
{
    private readonly JsonArray _outputs = [];
    private readonly StringBuilder _stream = new();
    private string? _streamName;

    /// <summary>The last error that a kernel told of, for this cell or for one that it imports; null for none.</summary>
    public string? Error { get; private set; }

    /// <summary>What the cell told of its failure; PowerShell's errors are text among its output.</summary>
    public string? LastError => Error ?? (_stream.Length > 0 ? TrimLines(_stream.ToString()) : null);

    public void Add(string type, JsonObject content)
    {
        switch (type)
        {
            case "StandardOutputValueProduced":
                Stream("stdout", Text(content));
                break;
            case "StandardErrorValueProduced":
                Stream("stderr", Text(content));
                break;
            case "ErrorProduced" or "CommandFailed":
                if ((string?)content["message"] is { } message && !message.StartsWith("Command failed: ", StringComparison.Ordinal))
                    Error = message;
                break;
            case "DisplayedValueProduced" or "DisplayedValueUpdated" or "ReturnValueProduced":
                Display(content);
                break;
        }
    }

    public JsonArray ToJson()
    {
        EndStream();
        return _outputs;
    }

    private static IEnumerable<(string MimeType, string Value)> Values(JsonObject content) =>
        (content["formattedValues"] as JsonArray ?? []).Select(v => ((string)v!["mimeType"]!, (string?)v["value"] ?? ""));

    private static string Text(JsonObject content) => Values(content).Select(v => v.Value).FirstOrDefault() ?? "";

    private void Stream(string name, string text)
    {
        if (_streamName != name)
            EndStream();
        _streamName = name;
        _stream.Append(OutputCleaner.Clean(text));
    }

    private void EndStream()
    {
        if (_streamName is not null && _stream.ToString().TrimEnd() is { Length: > 0 } text)
            _outputs.Add((JsonNode)new JsonObject { ["name"] = _streamName, ["output_type"] = "stream", ["text"] = MultilineText.Write(TrimLines(text) + "\n") });
        _stream.Clear();
        _streamName = null;
    }

    // PowerShell pads the lines of its tables.
    private static string TrimLines(string text) => string.Join('\n', text.Trim('\n').Split('\n').Select(l => l.TrimEnd()));

    private void Display(JsonObject content)
    {
        EndStream();
        JsonObject data = [];
        foreach ((string mimeType, string value) in Values(content))
        {
            if (value.Length > 0)
                data[mimeType] = mimeType.EndsWith("json", StringComparison.Ordinal) ? JsonNode.Parse(value) : MultilineText.Write(OutputCleaner.Clean(value));
        }
        if (data.Count > 0)
            _outputs.Add((JsonNode)new JsonObject { ["data"] = data, ["metadata"] = new JsonObject(), ["output_type"] = "display_data" });
    }
}
