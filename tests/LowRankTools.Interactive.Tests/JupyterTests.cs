using System.Diagnostics;
using System.Text.Json;
using LowRankTools.NotebookRunner;

namespace LowRankTools.Interactive.Tests;

/// <summary>The second opinion: notebooks run by Jupyter itself (nbconvert), with .NET Interactive as its kernel.</summary>
public sealed class JupyterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-jupyter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [JupyterTheory]
    [InlineData("01-ranks-and-counting.ipynb")]
    [InlineData("06-tensor-methods.ipynb")]
    public void Jupyter_runs_it_and_shows_what_is_stored(string file)
    {
        WriteKernel();
        string path = Path.Combine(Repository.Notebooks, file);
        ProcessStartInfo start = new("jupyter", ["nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.timeout=300", "--output-dir", _folder, path])
        { WorkingDirectory = Repository.Notebooks, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["JUPYTER_DATA_DIR"] = Path.Combine(_folder, "data");
        start.Environment["LOWRANK_NOTEBOOK"] = "quick";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);

        Notebook stored = Notebook.Read(path), fresh = Notebook.Read(Path.Combine(_folder, file));
        NotebookCell[] cells = [.. stored.Cells.Where(c => c.IsCode && !c.IsMeasured)], again = [.. fresh.Cells.Where(c => c.IsCode && !c.IsMeasured)];
        Assert.Equal(cells.Select(Claims), again.Select(Claims));
        Assert.Contains(cells, c => Claims(c).Length > 0);
    }

    // What the notebook claims and found to hold; how a front end cuts printed text into outputs is its own affair.
    private static string Claims(NotebookCell cell) =>
        string.Join('\n', cell.Outputs.Select(o => MultilineText.Read(o!["text"])).SelectMany(text => text.Split('\n')).Where(line => line.StartsWith("holds: ", StringComparison.Ordinal)));

    // As `dotnet interactive jupyter install` writes it, but into a folder of the test, and with the clone's own tool.
    private void WriteKernel()
    {
        string kernel = Directory.CreateDirectory(Path.Combine(_folder, "data", "kernels", ".net-csharp")).FullName;
        string[] command = ["dotnet", "tool", "run", "dotnet-interactive", "--", "jupyter", "--default-kernel", "csharp", "{connection_file}"];
        File.WriteAllText(Path.Combine(kernel, "kernel.json"), JsonSerializer.Serialize(new { argv = command, display_name = ".NET (C#)", language = "C#" }));
    }
}

/// <summary>A theory that needs Jupyter as well as .NET Interactive, skipped with the reason where one is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class JupyterTheoryAttribute : TheoryAttribute
{
    private static readonly string? s_missing = InteractiveTool.Missing
        ?? (Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "jupyter-nbconvert"))) ? null : "needs Jupyter's nbconvert");

    public JupyterTheoryAttribute() => Skip = s_missing;
}
