using System.Text.Json.Nodes;

namespace LowRankTools.NotebookRunner;

/// <summary>One cell of a notebook file.</summary>
/// <param name="Number">Its place in the file, from 1, text cells counted.</param>
/// <param name="Json">What the file says of it.</param>
public sealed record NotebookCell(int Number, JsonObject Json)
{
    private const string PowerShellLine = "#!pwsh";

    /// <summary>Whether it is run; the others are text.</summary>
    public bool IsCode => (string?)Json["cell_type"] == "code";

    /// <summary>Its text.</summary>
    public string Source => MultilineText.Read(Json["source"]);

    /// <summary>The kernel that runs it: what the file's metadata says, or its first line, or C#.</summary>
    public string Kernel =>
        (string?)Json["metadata"]?["polyglot_notebook"]?["kernelName"]
        ?? (string?)Json["metadata"]?["dotnet_interactive"]?["language"]
        ?? (Source.StartsWith(PowerShellLine, StringComparison.Ordinal) ? "pwsh" : "csharp");

    /// <summary>Whether it is a PowerShell cell.</summary>
    public bool IsPowerShell => IsCode && Kernel == "pwsh";

    /// <summary>Its text without the line that names the kernel.</summary>
    public string Script => Source.StartsWith(PowerShellLine, StringComparison.Ordinal) ? Source[PowerShellLine.Length..].TrimStart('\r', '\n') : Source;

    /// <summary>Words that the file ties to it.</summary>
    public IEnumerable<string> Tags => Json["metadata"]?["tags"]?.AsArray().Select(t => (string)t!) ?? [];

    /// <summary>Whether its output tells of this machine or this moment, so that another run's may differ.</summary>
    public bool IsMeasured => Tags.Contains("measured");

    /// <summary>What running it showed.</summary>
    public JsonArray Outputs
    {
        get => Json["outputs"]?.AsArray() ?? [];
        set => Json["outputs"] = value;
    }
}
