using System.Diagnostics;
using System.Text.Json.Nodes;
using LowRankTools.NotebookRunner;
using LowRankTools.Tests;

namespace LowRankTools.Interactive.Tests;

/// <summary>Notebooks run in real .NET Interactive, from the first cell to the last.</summary>
public sealed class NotebookRunTests : IDisposable
{
    private static readonly RunOptions s_quick = new(IsQuick: true, TimeSpan.FromMinutes(5), Repository.Root);

    // The notebook about TorchSharp then has a libtorch.
    static NotebookRunTests() => Environment.SetEnvironmentVariable(LibTorchCopy.Variable, LibTorchCopy.Folder);

    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-notebook-").FullName;

    public static TheoryData<string> Files => [.. Repository.NotebookFiles.Select(f => Path.GetFileName(f)!)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [InteractiveTheory]
    [MemberData(nameof(Files))]
    public async Task It_runs_and_says_what_its_stored_outputs_say(string file)
    {
        string path = Path.Combine(Repository.Notebooks, file);
        Notebook fresh = Notebook.Read(path);
        CellFailure? failure = await NotebookRun.RunAsync(fresh, s_quick, CancellationToken.None);
        Assert.True(failure is null, $"cell {failure?.Number}: {failure?.Source}\n{failure?.Message}");
        Assert.Empty(OutputComparison.Differences(Notebook.Read(path), fresh));
    }

    [InteractiveTheory]
    [InlineData("csharp", "int broken = \"text\";", "CS0029")]
    [InlineData("csharp", "throw new System.Exception(\"thrown here\");", "thrown here")]
    [InlineData("pwsh", "throw ('thrown ' + 'there')", "thrown there")]
    public async Task A_broken_cell_stops_the_run_and_is_named(string kernel, string broken, string message)
    {
        Notebook notebook = Write([("csharp", "1 + 1"), (kernel, broken), ("csharp", "\"never reached\"")]);
        CellFailure failure = Assert.IsType<CellFailure>(await NotebookRun.RunAsync(notebook, s_quick, CancellationToken.None));
        Assert.Equal(3, failure.Number);
        Assert.Contains(broken, failure.Source, StringComparison.Ordinal);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Single(notebook.Cells[1].Outputs);
        Assert.Empty(notebook.Cells[3].Outputs);
    }

    [InteractiveFact]
    public async Task A_cell_that_does_not_end_is_ended()
    {
        Notebook notebook = Write([("csharp", "while (true) System.Threading.Thread.Sleep(10);")]);
        CellFailure failure = Assert.IsType<CellFailure>(await NotebookRun.RunAsync(notebook, s_quick with { CellLimit = TimeSpan.FromSeconds(5) }, CancellationToken.None));
        Assert.Equal(2, failure.Number);
    }

    [InteractiveFact]
    public async Task Without_a_build_the_first_cell_says_what_to_do()
    {
        File.Copy(Path.Combine(Repository.Notebooks, "start.dib"), Path.Combine(_folder, "start.dib"));
        File.Copy(Path.Combine(Repository.Notebooks, "start.ps1"), Path.Combine(_folder, "start.ps1"));
        Notebook notebook = Write([("csharp", "#!import \"start.dib\"")]);
        Assert.NotNull(await NotebookRun.RunAsync(notebook, s_quick, CancellationToken.None));
        Assert.Contains(notebook.Cells[1].Outputs, o => o!.ToJsonString().Contains("dotnet build -c Release", StringComparison.Ordinal));
    }

    [InteractiveFact]
    public async Task The_lesson_in_PowerShell_runs_as_a_plain_script()
    {
        string script = Path.Combine(_folder, "lesson.ps1");
        await File.WriteAllTextAsync(script, PowerShellExport.Write(Notebook.Read(Path.Combine(Repository.Notebooks, "07-model-folders.ipynb"))));
        ProcessStartInfo start = new("dotnet", ["tool", "run", "pwsh", "--", "-NoProfile", "-NonInteractive", "-File", script])
        { WorkingDirectory = Repository.Notebooks, RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["TMPDIR"], start.Environment["TEMP"], start.Environment["TMP"]) = (_folder, _folder, _folder);
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await error + output);
        Assert.Contains("holds: it fetches nothing", output, StringComparison.Ordinal);
        Assert.Contains("Figure: ", output, StringComparison.Ordinal);
    }

    private Notebook Write((string Kernel, string Code)[] cells)
    {
        JsonArray list = [new JsonObject { ["cell_type"] = "markdown", ["metadata"] = new JsonObject(), ["source"] = "text" }];
        foreach ((string kernel, string code) in cells)
        {
            list.Add((JsonNode)new JsonObject
            {
                ["cell_type"] = "code",
                ["metadata"] = new JsonObject { ["polyglot_notebook"] = new JsonObject { ["kernelName"] = kernel } },
                ["outputs"] = new JsonArray(),
                ["source"] = kernel == "pwsh" ? "#!pwsh\n" + code : code,
            });
        }
        string path = Path.Combine(_folder, "test.ipynb");
        File.WriteAllText(path, new JsonObject { ["cells"] = list, ["nbformat"] = 4 }.ToJsonString());
        return Notebook.Read(path);
    }
}
