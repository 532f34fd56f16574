using System.Text.RegularExpressions;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.PowerShell.Tests.Help;

/// <summary>Every example of the pages is run, and prints what the page says it prints.</summary>
public sealed partial class ExampleTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private const int Width = 100;

    // On a busy machine figures grow by a digit or two, which must not wrap their line.
    private const int MeasuredWidth = 120;

    private readonly Sandbox _sandbox = new();

    public static TheoryData<string, string> Examples
    {
        get
        {
            TheoryData<string, string> examples = [];
            foreach (string cmdlet in Repository.Cmdlets)
            {
                foreach (Match example in Example().Matches(Page(cmdlet)))
                    examples.Add(cmdlet, example.Groups["title"].Value);
            }
            return examples;
        }
    }

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory, MemberData(nameof(Examples))]
    public void An_example_prints_what_its_page_shows(string cmdlet, string title)
    {
        Match example = Example().Matches(Page(cmdlet)).Single(m => m.Groups["title"].Value == title);
        bool measured = example.Groups["measured"].Success;
        string printed = session.Text(_sandbox, $"& {{\n{example.Groups["code"].Value}\n}} | Out-String -Width {(measured ? MeasuredWidth : Width)}");
        // The pages say /data for the folder they are in, whatever it is called here.
        printed = printed.Replace(_sandbox.Root, "/data", StringComparison.Ordinal).Replace('\\', '/');
        string shown = example.Groups["output"].Value.Trim('\n');
        if (measured)
            (shown, printed) = (WithoutFigures(shown), WithoutFigures(printed.Replace(EngineCatalog.InstructionSet, "AVX2", StringComparison.Ordinal)));
        Assert.Equal(shown, printed);
    }

    /// <summary>Times are others at every run: what is left of them is where they stand.</summary>
    private static string WithoutFigures(string text) => Widths().Replace(Figure().Replace(text, "#"), "$1");

    private static string Page(string cmdlet) => File.ReadAllText(Path.Combine(Repository.Pages, cmdlet + ".md")).ReplaceLineEndings("\n");

    [GeneratedRegex(@"[0-9][0-9.,]*( (us|ms|s)\b)?( (runs?|calls?|threads?)\b)?")]
    private static partial Regex Figure();

    [GeneratedRegex(@"([ -])\1+")]
    private static partial Regex Widths();

    [GeneratedRegex(@"^### (?<title>[^\n]+)\n```powershell\n(?<code>.*?)\n```\n(```text(?<measured> measured)?\n(?<output>.*?)\n```\n)?", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Example();
}
