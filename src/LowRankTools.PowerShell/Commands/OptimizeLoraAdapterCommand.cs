using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Text;
using LowRankTools.Core.Training;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Trains adapters beside the frozen weights of models.</summary>
[Cmdlet(VerbsCommon.Optimize, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(OptimizeAdapterResult), typeof(FileInfo))]
public sealed class OptimizeLoraAdapterCommand : TrainingCommandBase
{
    private readonly OutputClaims _claims = new();
    private OptimizeAdapterOptions? _options;

    /// <summary>The adapter to train: a file, or a folder that holds one.</summary>
    [Parameter(Position = 1), ValidateNotNullOrEmpty]
    public string? AdapterPath { get; set; }

    /// <summary>Components of every module of a new adapter, in place of one that is there.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int? Rank { get; set; }

    /// <summary>Numerator of the scale: of a new adapter, the rank by default, or of one that does not say its own.</summary>
    [Parameter]
    public double? Alpha { get; set; }

    /// <summary>Only weights of these names get a pair of a new adapter.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>No weights of these names do.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether a new adapter has the lengths of the weights' rows trained apart from their directions.</summary>
    [Parameter]
    public SwitchParameter Dora { get; set; }

    /// <summary>A model whose answers are learned: a file, or a folder that holds one model; the text or labels by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? ReferencePath { get; set; }

    /// <summary>A folder in PEFT's layout or a .safetensors file in kohya's; beside the adapter or the model by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Whether an existing adapter is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Whether the file that was written is returned in place of the result.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(AdapterPath ?? ReferencePath, () =>
        {
            LayerSelection selection = new() { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude) };
            _options = (OptimizeAdapterOptions)With(new OptimizeAdapterOptions
            {
                Input = Input, Adapter = AdapterPath is null ? null : OneModel(AdapterPath), Alpha = Alpha,
                New = Rank is { } rank ? new NewAdapterOptions { Rank = rank, Alpha = Alpha, Selection = selection, Dora = Dora } : null,
                Reference = ReferencePath is null ? null : OneModel(ReferencePath), Output = new AdapterOutputOptions { OutputPath = OutputPath is null ? null : Resolver.Literal(OutputPath), Force = Force },
            });
            _options.Validate();
        });
    }

    private protected override void ProcessModel(ModelSource source)
    {
        OutputLocation location = new OptimizeAdapter(_options!).Location(source);
        _claims.Claim(location, source);
        string what = SafeText.Line($"Train an adapter beside '{source.Path}' and write '{location.WeightsPath}'");
        bool write = ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason);
        if (!write && reason != ShouldProcessReason.WhatIf)
            return;
        OptimizeAdapterOptions options = _options! with { Output = _options.Output with { WhatIf = !write } };
        OptimizeAdapterResult result = Run(source.Name, (progress, token) => new OptimizeAdapter(options).Run(source, progress, token));
        if (result.Note.Length > 0)
            Warn(result.Note);
        WriteObject(PassThru && write ? ProviderItem(result.Path) : result);
    }
}
