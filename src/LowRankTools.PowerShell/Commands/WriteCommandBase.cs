using System.Management.Automation;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Text;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that writes a model for each model it reads.</summary>
public abstract class WriteCommandBase : PathCommandBase
{
    private readonly OutputClaims _claims = new();

    /// <summary>A file, or a folder in which each model gets a folder of its name; beside the source by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Format to write; by default what the name of a file in -OutputPath asks for, or Onnx and Gguf for models in them and Safetensors for others.</summary>
    [Parameter]
    public OutputFormat? Format { get; set; }

    /// <summary>Element type of the weights that are computed.</summary>
    [Parameter]
    public OutputDType? DType { get; set; }

    /// <summary>Most bytes of tensor data a file; one file by default.</summary>
    [Parameter, ValidateRange(1, long.MaxValue)]
    public long MaxShardSize { get; set; }

    /// <summary>Whether existing output is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Whether the file that was written is returned in place of the result.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected string? FullOutputPath { get; private set; }

    /// <summary>What was asked for; null for what suits the source.</summary>
    private protected ModelFormat? ChosenFormat =>
        Format is { } format ? Enum.Parse<ModelFormat>(format.ToString()) : FullOutputPath is null ? null : OutputLocation.FormatOf(FullOutputPath);

    private protected TensorDType? ChosenDType => DType is { } type ? Enum.Parse<TensorDType>(type.ToString()) : null;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (OutputPath is not null)
            Required(OutputPath, () => FullOutputPath = Resolver.Literal(OutputPath));
        Required(null, ValidateOptions);
    }

    /// <summary>Refuses options that no model could be written with.</summary>
    private protected abstract void ValidateOptions();

    /// <summary>Asks whether a model may be written.</summary>
    /// <returns>True to write it, false to show what would be written, null to leave it.</returns>
    private protected bool? MayWrite(ModelSource source, OutputLocation location, string action)
    {
        _claims.Claim(location, source);
        string what = SafeText.Line($"{action} '{source.Path}' into '{location.WeightsPath}'");
        if (ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason))
            return true;
        return reason == ShouldProcessReason.WhatIf ? false : null;
    }

    /// <summary>Writes a result, or the file in its place, and tells what had to make room for it.</summary>
    private protected void WriteResult(object result, string path, bool written, IReadOnlyList<string> displaced, string note)
    {
        foreach (string old in displaced)
            Tell($"{(written ? "Replaced or removed" : "Would replace or remove")} '{old}'.");
        if (note.Length > 0)
            Warn(note);
        WriteObject(PassThru && written ? ProviderItem(path) : result);
    }
}
