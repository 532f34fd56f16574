using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes adapters to be trained, which change nothing yet.</summary>
[Cmdlet(VerbsCommon.New, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(AdapterResult), typeof(FileInfo))]
public sealed class NewLoraAdapterCommand : AdapterOutputCommandBase
{
    /// <summary>Components of every module.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateRange(1, int.MaxValue)]
    public int Rank { get; set; }

    /// <summary>Numerator of the scale; the rank by default, a scale of one.</summary>
    [Parameter]
    public double? Alpha { get; set; }

    /// <summary>Only weights of these names.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>No weights of these names.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether embeddings get pairs too.</summary>
    [Parameter]
    public SwitchParameter IncludeEmbedding { get; set; }

    /// <summary>Whether the lengths of the weights' rows are to be trained apart from their directions.</summary>
    [Parameter]
    public SwitchParameter Dora { get; set; }

    /// <summary>Chooses the random factors; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    private NewAdapterOptions Options => new()
    {
        Rank = Rank,
        Alpha = Alpha,
        Selection = new LayerSelection { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude), IncludeEmbedding = IncludeEmbedding },
        Dora = Dora,
        Seed = (ulong)Seed,
        Output = Output,
    };

    private protected override void ValidateOptions() => Options.Validate();

    private protected override void ProcessModel(ModelSource source)
    {
        NewAdapterOptions options = Options;
        Write(source, new NewAdapter(options).Location(source), "Make an adapter for", (output, progress, token) => new NewAdapter(options with { Output = output }).Run(source, progress, token));
    }
}
