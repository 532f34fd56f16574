using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Where a model went, and what had to make room for it.</summary>
internal static class WrittenReport
{
    public static void Write(bool written, string path, IReadOnlyList<string> displaced, string note, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{(written ? "written" : "not written, would be")}  {path}"));
        foreach (string old in displaced)
            console.Out.WriteLine(SafeText.Line($"{(written ? "replaced or removed" : "would replace or remove")}  {old}"));
        if (note.Length > 0)
            console.Error.WriteLine(SafeText.Line($"note: {note}"));
    }
}
