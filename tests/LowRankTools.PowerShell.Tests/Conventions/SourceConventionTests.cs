using System.Globalization;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using LowRankTools.Core;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Memory;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Quality.Graphs;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using LowRankTools.Core.Training;
using LowRankTools.Formats;
using LowRankTools.PowerShell.Errors;
using LowRankTools.PowerShell.Formatting;

namespace LowRankTools.PowerShell.Tests.Conventions;

/// <summary>Conventions that hold in the compiled assembly and in the source; no PowerShell is needed to see them.</summary>
public sealed class SourceConventionTests
{
    private static IEnumerable<string> ErrorIds => new[] { typeof(FormatErrors), typeof(CoreErrors), typeof(CommandErrors) }
        .SelectMany(t => t.GetFields(BindingFlags.Public | BindingFlags.Static)).Select(f => (string)f.GetRawConstantValue()!);

    [Fact]
    public void The_module_folder_holds_the_modules_own_assemblies_only()
    {
        Assert.Equal(["LowRankTools.Core.dll", "LowRankTools.Decompositions.dll", "LowRankTools.Formats.dll", "LowRankTools.Networks.dll", "LowRankTools.Numerics.dll", "LowRankTools.PowerShell.dll"],
            Directory.EnumerateFiles(Repository.ModuleBin).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_laid_out_module_is_the_one_that_was_built()
    {
        Assert.Equal(File.ReadAllBytes(typeof(Display).Assembly.Location), File.ReadAllBytes(Path.Combine(Repository.ModuleBin, "LowRankTools.PowerShell.dll")));
    }

    [Fact]
    public void Cmdlet_classes_are_sealed_public_and_named_after_their_cmdlet()
    {
        using FileStream file = File.OpenRead(typeof(Display).Assembly.Location);
        using PEReader image = new(file);
        MetadataReader metadata = image.GetMetadataReader();
        Dictionary<string, TypeAttributes> commands = metadata.TypeDefinitions.Select(metadata.GetTypeDefinition)
            .Where(t => metadata.GetString(t.Namespace) == "LowRankTools.PowerShell.Commands" && metadata.GetString(t.Name).EndsWith("Command", StringComparison.Ordinal))
            .ToDictionary(t => metadata.GetString(t.Name), t => t.Attributes);
        Assert.Equal(Repository.Cmdlets.Select(c => c.Replace("-", "", StringComparison.Ordinal) + "Command").Order(StringComparer.Ordinal), commands.Keys.Order(StringComparer.Ordinal));
        Assert.All(commands.Values, a => Assert.True(a.HasFlag(TypeAttributes.Sealed | TypeAttributes.Public)));
    }

    [Fact]
    public void Cmdlet_files_stay_small()
    {
        Assert.All(Directory.EnumerateFiles(Path.Combine(Repository.Source, "Commands"), "*.cs"), f => Assert.InRange(File.ReadLines(f).Count(line => !line.StartsWith("using ", StringComparison.Ordinal)), 1, 120));
    }

    [Fact]
    public void Names_in_views_leave_room_for_the_rest()
    {
        // A cell that calls what is not there stays empty without an error.
        string[] names = [.. XDocument.Load(Repository.Views).Descendants("ScriptBlock").Select(b => b.Value).Where(b => b.Contains("::Name(", StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Matches(@"::Name\(\$_\.\w+, [0-9]+\)$", name));
    }

    [Fact]
    public void Nothing_writes_to_the_console()
    {
        Assert.All(Directory.EnumerateFiles(Repository.Source, "*.cs", SearchOption.AllDirectories), f => Assert.DoesNotMatch(@"Console\.(?!IsOutputRedirected|BufferWidth)", File.ReadAllText(f)));
    }

    [Fact]
    public void Error_ids_are_PascalCase_and_mean_one_thing()
    {
        Assert.All(ErrorIds, id => Assert.Matches("^[A-Z][A-Za-z]+$", id));
        Assert.Equal(ErrorIds.Distinct().Count(), ErrorIds.Count());
    }

    [Fact]
    public void The_about_topic_explains_every_error_id()
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.HelpFolder, "about_LowRankTools_Errors.help.txt"));
        Assert.All(ErrorIds, id => Assert.Contains("    " + id, lines));
    }

    [Fact]
    public void Tables_have_four_to_seven_columns_and_as_many_cells()
    {
        XElement[] tables = [.. XDocument.Load(Repository.Views).Descendants("TableControl")];
        Assert.NotEmpty(tables);
        Assert.All(tables, t => Assert.InRange(t.Descendants("TableColumnHeader").Count(), 4, 7));
        Assert.All(tables, t => Assert.Equal(t.Descendants("TableColumnHeader").Count(), t.Descendants("TableColumnItem").Count()));
    }

    [Fact]
    public void Names_give_way_to_every_title_and_figure_on_a_screen_of_80_columns()
    {
        foreach (XElement view in XDocument.Load(Repository.Views).Descendants("View"))
        {
            Match name = Regex.Match(string.Concat(view.Descendants("TableColumnItem").Select(i => i.Value)), @"::Name\(\$_\.Name, (\d+)\)");
            XElement[] columns = [.. view.Descendants("TableColumnHeader")];
            if (!name.Success || columns.Count(c => c.Element("Width") is null) > 1)
                continue;
            int others = int.Parse(name.Groups[1].Value, CultureInfo.InvariantCulture), taken = columns.Sum(c => (int?)c.Element("Width") ?? 0) + columns.Length - 1;
            // Words at the end may be cut, down to their title.
            if (columns[^1] is var last && last.Element("Alignment") is null)
                taken -= (int)last.Element("Width")! - last.Element("Label")!.Value.Length;
            Assert.True(taken <= others && others <= 79 - 12, $"{view.Element("Name")!.Value}: {taken} columns are taken, {others} are left by names.");
        }
    }

    [Fact]
    public void Every_type_that_is_written_has_a_table()
    {
        string[] viewed = [.. XDocument.Load(Repository.Views).Descendants("View").Where(v => v.Element("TableControl") is not null).Descendants("TypeName").Select(t => t.Value)];
        Type[] written = [typeof(LayerShape), typeof(ParameterCount), typeof(ModelMemory), typeof(FactorizationResult), typeof(LayerFactorization), typeof(DecompositionResult), typeof(TensorDecomposition), typeof(MergeResult), typeof(MergeAdapterResult), typeof(AdapterResult), typeof(AdapterModuleResult), typeof(AdapterCheck), typeof(TensorDifference), typeof(LayerSpeed), typeof(ModelSpeed), typeof(ModelQuality), typeof(GraphQuality), typeof(GraphOutputQuality), typeof(CalibrationResult), typeof(OptimizeResult), typeof(OptimizeAdapterResult), typeof(CompressResult), typeof(LayerSpectrum), typeof(RankPlan), typeof(LayerPlan), typeof(LowRankTools.Numerics.Engines.EngineInfo), typeof(EngineInstallation), typeof(EngineTime), typeof(ArrayDecomposition), typeof(ConvolutionSpeed), typeof(TrainSpeed), typeof(PivotedSpeed), typeof(ContractionSpeed), typeof(ResizeResult), typeof(ResizedPart)];
        Assert.Equal(written.Select(t => t.FullName!).Order(), viewed.Order());
    }
}
