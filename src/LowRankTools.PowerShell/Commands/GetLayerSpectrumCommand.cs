using System.Management.Automation;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics.Svd;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Finds the singular values of weight matrices, and what they say about ranks.</summary>
[Cmdlet(VerbsCommon.Get, "LayerSpectrum", DefaultParameterSetName = PathSet)]
[OutputType(typeof(LayerSpectrum))]
public sealed class GetLayerSpectrumCommand : EngineCommandBase
{
    private readonly ChosenLayers _chosen = new();

    /// <summary>Layers that Get-LayerShapes found: exactly these are measured.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputObject)), ValidateNotNull]
    public LayerShape? InputObject { get; set; }

    /// <summary>Patterns of layers to measure; all linear layers by default.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of layers to leave out.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether embeddings are measured too.</summary>
    [Parameter]
    public SwitchParameter IncludeEmbedding { get; set; }

    /// <summary>Most singular values listed.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int Top { get; set; }

    /// <summary>Whether spectra are computed whatever the cache holds, and not kept.</summary>
    [Parameter]
    public SwitchParameter NoCache { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(null, () => NamePatterns.Of([.. Include ?? [], .. Exclude ?? []]));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is not null)
            _chosen.Add(InputObject);
        else
            base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (string path in _chosen.Paths)
            Guarded(path, () => ProcessPath(path, listed: false));
        base.EndProcessing();
    }

    private protected override void ProcessModel(ModelSource source)
    {
        MeasureSpectra operation = new(new SpectrumOptions
        {
            Selection = new LayerSelection
            {
                Include = NamePatterns.Of(Include),
                Exclude = NamePatterns.Of(Exclude),
                IncludeEmbedding = IncludeEmbedding,
                Names = _chosen.Of(source.Path),
            },
            Top = Top,
            UseCache = !NoCache,
            Engine = ChosenEngine,
            Svd = new SvdOptions { ThreadCount = ThreadCount },
        });
        Stream<LayerSpectrum>(source.Name, (progress, token) => operation.Run(source, progress, token), WriteObject);
    }
}
