using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LowRankTools.NotebookRunner;

/// <summary>A notebook file of Jupyter's format 4.</summary>
public sealed class Notebook
{
    private static readonly JsonSerializerOptions s_layout = new() { WriteIndented = true, IndentSize = 1, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonObject _json;

    private Notebook(string path, JsonObject json)
    {
        (Path, _json) = (path, json);
        Cells = [.. json["cells"]!.AsArray().Select((c, i) => new NotebookCell(i + 1, c!.AsObject()))];
    }

    /// <summary>Full path of the file.</summary>
    public string Path { get; }

    /// <summary>Name of the file without its ending.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>All cells in order.</summary>
    public IReadOnlyList<NotebookCell> Cells { get; }

    /// <summary>Reads a notebook.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no notebook.</exception>
    public static Notebook Read(string path)
    {
        try
        {
            return new Notebook(System.IO.Path.GetFullPath(path), JsonNode.Parse(File.ReadAllText(path))!.AsObject());
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} is not a notebook: {e.Message}", e);
        }
    }

    /// <summary>Writes the notebook with the outputs that its cells have now, under a temporary name first.</summary>
    public void Save()
    {
        string temporary = Path + ".tmp";
        File.WriteAllText(temporary, _json.ToJsonString(s_layout) + "\n");
        File.Move(temporary, Path, overwrite: true);
    }
}
