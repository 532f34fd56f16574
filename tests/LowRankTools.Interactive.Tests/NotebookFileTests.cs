using System.Text.RegularExpressions;
using LowRankTools.NotebookRunner;

namespace LowRankTools.Interactive.Tests;

/// <summary>What every committed notebook keeps to, whoever edits it.</summary>
public sealed partial class NotebookFileTests
{
    private const int LargestFile = 300 << 10;

    public static TheoryData<string> Files => [.. Repository.NotebookFiles.Select(f => Path.GetFileName(f)!)];

    private static Notebook Read(string file) => Notebook.Read(Path.Combine(Repository.Notebooks, file));

    [Theory]
    [MemberData(nameof(Files))]
    public void It_begins_with_a_title_and_one_line_to_start_and_ends_with_what_comes_next(string file)
    {
        Notebook notebook = Read(file);
        Assert.StartsWith("# ", notebook.Cells[0].Source, StringComparison.Ordinal);
        Assert.Contains("**You will learn**", notebook.Cells[0].Source, StringComparison.Ordinal);
        Assert.Contains("**You need**", notebook.Cells[0].Source, StringComparison.Ordinal);
        Assert.Equal("#!import \"start.dib\"", notebook.Cells.First(c => c.IsCode).Source.Trim());
        Assert.Contains(notebook.Cells, c => !c.IsCode && c.Source.Contains("## Exercises", StringComparison.Ordinal));
        Assert.Contains("**Next:**", notebook.Cells[^1].Source, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Front_ends_of_every_kind_agree_on_the_language_of_a_cell(string file)
    {
        foreach (NotebookCell cell in Read(file).Cells.Where(c => c.IsCode))
        {
            Assert.Equal(cell.Kernel, (string?)cell.Json["metadata"]?["dotnet_interactive"]?["language"]);
            Assert.Equal(cell.Kernel, (string?)cell.Json["metadata"]?["polyglot_notebook"]?["kernelName"]);
            Assert.Equal(cell.Kernel == "pwsh", cell.Source.StartsWith("#!pwsh\n", StringComparison.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Its_outputs_are_there_and_tell_nothing_of_a_machine(string file)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Notebooks, file));
        Assert.InRange(text.Length, 1, LargestFile);
        Notebook notebook = Read(file);
        Assert.Contains(notebook.Cells, c => c.IsCode && c.Outputs.Count > 0);
        Assert.DoesNotContain(notebook.Cells.SelectMany(c => c.Outputs), o => (string?)o!["output_type"] == "error");
        string outputs = string.Concat(notebook.Cells.SelectMany(c => c.Outputs).Select(o => o!.ToJsonString()));
        Assert.DoesNotMatch(MachineTraces(), outputs);
        Assert.DoesNotContain("<script", outputs, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void It_refers_to_notebooks_that_exist(string file)
    {
        foreach (NotebookCell cell in Read(file).Cells.Where(c => !c.IsCode))
        {
            foreach (Match link in LocalLink().Matches(cell.Source))
                Assert.True(File.Exists(Path.Combine(Repository.Notebooks, link.Groups[1].Value)), $"cell {cell.Number}: {link.Value}");
        }
    }

    [GeneratedRegex(@"/(tmp|home|root|Users|work)/|[A-Z]:\\\\|\d+\.\d+\.\d+\.\d+|\\u001B|cdn\.", RegexOptions.IgnoreCase)]
    private static partial Regex MachineTraces();

    [GeneratedRegex(@"\]\((?!https?:)([^)#]+)\)")]
    private static partial Regex LocalLink();
}
