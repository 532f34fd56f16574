using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Cli.Options;

/// <summary>Where and how models are written: what factorize and merge share.</summary>
internal sealed class OutputOptions
{
    private readonly Option<string?> _outputPath = new("--output-path")
    {
        Description = "A weight file to write, or a folder in which each model gets its own; by default a folder beside the source.",
        HelpName = "path",
    };

    private readonly Option<string?> _format = SharedOptions.Choice("--format",
        "Format to write; by default what --output-path ends in, or else onnx and gguf for models in them and safetensors for others.",
        nameof(ModelFormat.Safetensors), nameof(ModelFormat.PyTorch), nameof(ModelFormat.Onnx), nameof(ModelFormat.Gguf), nameof(ModelFormat.TensorFlowJs));

    private readonly Option<string?> _dtype = SharedOptions.Choice("--dtype",
        "Element type of what is computed; by default the source's own.",
        nameof(TensorDType.F16), nameof(TensorDType.BF16), nameof(TensorDType.F32), nameof(TensorDType.F64), nameof(TensorDType.Q8_0));

    private readonly Option<long> _maxShardSize = ByteSize.Option("--max-shard-size", "Split safetensors output into files of at most this size: 5GB (5 x 2^30 bytes), 500MB, or plain bytes.");
    private readonly Option<bool> _force = new("--force") { Description = "Replace existing output." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be written, exactly, and write nothing." };

    /// <summary>Adds the options and the rules between them.</summary>
    public void AddTo(Command command)
    {
        command.Add(_outputPath);
        command.Add(_format);
        command.Add(_dtype);
        command.Add(_maxShardSize);
        command.Add(_force);
        command.Add(_whatIf);
        command.Validators.Add(Check);
    }

    public string? Path(ParseResult parsed) => parsed.GetValue(_outputPath);

    /// <summary>What was asked for; null for what suits the source.</summary>
    public ModelFormat? Format(ParseResult parsed) => Format(parsed.GetValue(_format), parsed.GetValue(_outputPath));

    public TensorDType? DType(ParseResult parsed) =>
        parsed.GetValue(_dtype) is { } name ? Enum.Parse<TensorDType>(name, ignoreCase: true) : null;

    public long MaxShardBytes(ParseResult parsed) => parsed.GetValue(_maxShardSize);

    public bool Force(ParseResult parsed) => parsed.GetValue(_force);

    public bool WhatIf(ParseResult parsed) => parsed.GetValue(_whatIf);

    private static ModelFormat? Format(string? format, string? outputPath) =>
        format is not null ? Enum.Parse<ModelFormat>(format, ignoreCase: true)
        : outputPath is not null ? OutputLocation.FormatOf(outputPath) : null;

    private void Check(CommandResult result)
    {
        string? path = result.GetValue(_outputPath), name = result.GetValue(_format);
        if (!Enum.TryParse(name, ignoreCase: true, out ModelFormat _) && name is not null)
            return; // the option itself has said so
        ModelFormat? format = Format(name, path);
        if (path is { Length: 0 })
            result.AddError("An --output-path is not empty.");
        else if (path is not null && OutputLocation.FormatOf(path) is { } implied && implied != format)
            result.AddError($"The --output-path ends like a {implied} file and --format asks for {format}.");
        if (result.GetResult(_maxShardSize) is { Errors: var errors } && !errors.Any() && format is not (null or ModelFormat.Safetensors))
            result.AddError("Shards of a --max-shard-size are written as safetensors only.");
    }
}
