using System.Management.Automation;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Formatting;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes a transformer with made-up weights.</summary>
[Cmdlet(VerbsCommon.New, "TransformerModel", DefaultParameterSetName = PresetSet, SupportsShouldProcess = true)]
[OutputType(typeof(ParameterCount))]
public sealed class NewTransformerModelCommand : OperationCommandBase
{
    private const string PresetSet = nameof(Preset);
    private const string ConfigPathSet = nameof(ConfigPath);

    /// <summary>Name of a configuration.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = PresetSet)]
    [ValidateNotNullOrEmpty, ArgumentCompleter(typeof(PresetNameCompleter))]
    public string Preset { get; set; } = string.Empty;

    /// <summary>A config.json, or a folder that holds one.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ConfigPathSet)]
    [Alias("FullName"), ValidateNotNullOrEmpty]
    public string ConfigPath { get; set; } = string.Empty;

    /// <summary>Folder of the model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string OutputPath { get; set; } = string.Empty;

    /// <summary>Chooses the weights; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>Whether a model in the folder is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(OutputPath, () =>
    {
        PathResolver resolver = new(this);
        TransformerConfig config = ParameterSetName == PresetSet ? TransformerPresets.Get(Preset) : TransformerConfigs.Read(resolver.Literal(ConfigPath));
        string folder = resolver.Literal(OutputPath);
        ModelFolder model = new(config) { Seed = Seed, Force = Force };
        string what = $"Write a model of {Display.Count(model.CountParameters())} parameters ({config.ModelType}) into '{folder}'";
        if (!ShouldProcess($"{what}.", $"{what}?", "LowRankTools"))
            return;
        ModelSource written = Run(System.IO.Path.GetFileName(folder), (progress, token) => model.Write(folder, progress, token));
        WriteObject(CountParameters.Run(written));
    });
}
