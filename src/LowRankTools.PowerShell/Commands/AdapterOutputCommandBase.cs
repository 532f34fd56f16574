using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Text;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that writes an adapter.</summary>
public abstract class AdapterOutputCommandBase : PathCommandBase
{
    private readonly OutputClaims _claims = new();
    private string? _outputPath;

    /// <summary>A .safetensors file in kohya's layout or LoTR's, a .gguf file in llama.cpp's, an .onnx_adapter file in ONNX Runtime's, or a folder in PEFT's; beside the source by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Layout to write.</summary>
    [Parameter, ValidateSet(nameof(AdapterLayout.Peft), nameof(AdapterLayout.Kohya), nameof(AdapterLayout.Gguf), nameof(AdapterLayout.OnnxRuntime), nameof(AdapterLayout.Lotr))]
    public string? Layout { get; set; }

    /// <summary>Element type of the factors.</summary>
    [Parameter]
    public OutputDType? DType { get; set; }

    /// <summary>Whether an existing adapter is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Whether the file that was written is returned in place of the result.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected AdapterOutputOptions Output => new()
    {
        OutputPath = _outputPath,
        Layout = Layout is null ? null : Enum.Parse<AdapterLayout>(Layout, ignoreCase: true),
        DType = DType is { } type ? Enum.Parse<TensorDType>(type.ToString()) : null,
        Force = Force,
    };

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (OutputPath is not null)
            Required(OutputPath, () => _outputPath = Resolver.Literal(OutputPath));
        Required(null, ValidateOptions);
    }

    /// <summary>Refuses options that no adapter could be written with.</summary>
    private protected abstract void ValidateOptions();

    /// <summary>Writes an adapter, or says what would be written.</summary>
    /// <param name="source">What it is made from.</param>
    /// <param name="location">Where it goes.</param>
    /// <param name="action">What is done, for the question.</param>
    /// <param name="run">Does it.</param>
    private protected void Write(ModelSource source, OutputLocation location, string action, Func<AdapterOutputOptions, IProgress<OperationProgress>, CancellationToken, AdapterResult> run)
    {
        _claims.Claim(location, source);
        string what = SafeText.Line($"{action} '{source.Path}' into '{location.WeightsPath}'");
        bool write = ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason);
        if (!write && reason != ShouldProcessReason.WhatIf)
            return;
        AdapterResult result = Run(source.Name, (progress, token) => run(Output with { WhatIf = !write }, progress, token));
        foreach (string old in result.Displaced)
            Tell($"{(write ? "Replaced or removed" : "Would replace or remove")} '{old}'.");
        if (result.Note.Length > 0)
            Warn(result.Note);
        if (result.NotCarried.Count > 0)
            Warn($"{result.NotCarried.Count} tensors that differ are not in the adapter, '{result.NotCarried[0]}' among them: the result names them in NotCarried.");
        if (result.Uncalibrated.Count > 0)
            Warn($"{source.Path}: the calibration has nothing on {string.Join(", ", result.Uncalibrated)}; only the difference was looked at there.");
        WriteObject(PassThru && write ? ProviderItem(result.Path) : result);
    }
}
