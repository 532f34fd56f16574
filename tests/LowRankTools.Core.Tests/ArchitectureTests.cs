using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace LowRankTools.Core.Tests;

/// <summary>Holds the projects to the picture in docs/architecture.md.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> s_allowed = new(StringComparer.Ordinal)
    {
        ["LowRankTools.Numerics"] = [],
        ["LowRankTools.Decompositions"] = ["LowRankTools.Numerics"],
        ["LowRankTools.Formats"] = ["LowRankTools.Numerics"],
        ["LowRankTools.Networks"] = ["LowRankTools.Decompositions", "LowRankTools.Numerics"],
        ["LowRankTools.Core"] = ["LowRankTools.Decompositions", "LowRankTools.Formats", "LowRankTools.Networks", "LowRankTools.Numerics"],
        ["LowRankTools.PowerShell"] = ["LowRankTools.Core"],
        ["LowRankTools.Cli"] = ["LowRankTools.Core"],
        ["LowRankTools.Interactive"] = ["LowRankTools.Core"],
        ["LowRankTools.TorchSharp"] = ["LowRankTools.Decompositions", "LowRankTools.Formats", "LowRankTools.Numerics"],
        ["LowRankTools.Tokenizers"] = ["LowRankTools.Formats"],
        ["LowRankTools.Tensors"] = ["LowRankTools.Formats"],
        ["LowRankTools.HelpBuilder"] = ["LowRankTools.PowerShell"],
        ["ReadyToRun"] = [],
    };

    public static TheoryData<string> Projects => [.. Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)];

    private static string Root => RootAbove();

    private static string RootAbove([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Arrows_point_down(string project)
    {
        string name = Path.GetFileNameWithoutExtension(project);
        Assert.True(s_allowed.ContainsKey(name), $"{name} has no place in docs/architecture.md");
        IEnumerable<string> references = XDocument.Load(project).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.Empty(references.Except(s_allowed[name]));
    }

    [Theory]
    [InlineData("LowRankTools.Numerics")]
    [InlineData("LowRankTools.Decompositions")]
    [InlineData("LowRankTools.Formats")]
    [InlineData("LowRankTools.Networks")]
    [InlineData("LowRankTools.Core")]
    public void Below_the_faces_the_base_class_library_is_enough(string name)
    {
        XDocument project = XDocument.Load(Path.Combine(Root, "src", name, name + ".csproj"));
        Assert.Empty(project.Descendants("PackageReference"));
    }
}
