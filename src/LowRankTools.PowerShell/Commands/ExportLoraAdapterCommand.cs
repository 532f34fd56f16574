using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.PowerShell.Binding;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Makes adapters of what tuning changed in models.</summary>
[Cmdlet(VerbsData.Export, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(AdapterResult), typeof(FileInfo))]
public sealed class ExportLoraAdapterCommand : AdapterCommandBase
{
    private ModelSource? _base;

    /// <summary>The model before it was tuned: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string BasePath { get; set; } = string.Empty;

    /// <summary>Share of the sum of singular values to keep.</summary>
    [Parameter]
    public double? CumulativeRatio { get; set; }

    /// <summary>Keeps singular values that are at least the largest one divided by this.</summary>
    [Parameter]
    public double? SigmaRatio { get; set; }

    /// <summary>Most parameters of the whole adapter.</summary>
    [Parameter, ValidateRange(1, long.MaxValue)]
    public long? ParameterBudget { get; set; }

    /// <summary>File with inputs, or their Gram matrices, on which the truncation loses the least.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? Calibration { get; set; }

    /// <summary>How much of the calibration is used.</summary>
    [Parameter, ValidateSet("Full", "Inputs", "Diagonal", "Blended", "Swept")]
    public string CalibrationMode { get; set; } = "Full";

    /// <summary>Only weights of these names.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>No weights of these names.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether embeddings get pairs too.</summary>
    [Parameter]
    public SwitchParameter IncludeEmbedding { get; set; }

    /// <summary>Threads to compute with; every core by default.</summary>
    [Parameter, ValidateRange(1, 256)]
    public int ThreadCount { get; set; }

    private ExportAdapterOptions Options => new()
    {
        Rank = AdapterRanks.Of(Rank, Energy, CumulativeRatio, SigmaRatio, MaxRank),
        ParameterBudget = ParameterBudget,
        Selection = new LayerSelection { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude), IncludeEmbedding = IncludeEmbedding },
        Calibration = CalibrationChoice.Of(Calibration is null ? null : Resolver.Literal(Calibration), CalibrationMode, MyInvocation.BoundParameters.ContainsKey(nameof(CalibrationMode))),
        Output = Output,
        ThreadCount = ThreadCount,
    };

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(BasePath, () => _base = OneModel(BasePath));
    }

    private protected override void ValidateOptions() => Options.Validate();

    private protected override void ProcessModel(ModelSource source)
    {
        ExportAdapterOptions options = Options;
        Write(source, new ExportAdapter(options).Location(source), "Export an adapter of", (output, progress, token) => new ExportAdapter(options with { Output = output }).Run(source, _base!, progress, token));
    }
}
