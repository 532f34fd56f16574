using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>What must hold before the first byte is computed: a long run should not fail at its end.</summary>
internal static class OutputCheck
{
    /// <summary>Refuses ways to write that do not exist, or that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static void Options(string? outputPath, ModelFormat? format, TensorDType? dtype, long maxShardBytes)
    {
        if (format is not (null or ModelFormat.Safetensors or ModelFormat.PyTorch or ModelFormat.Onnx or ModelFormat.Gguf or ModelFormat.TensorFlowJs))
            throw Invalid($"{format} models are read, not written.", "Write Safetensors or PyTorch.");
        if (outputPath is not null && OutputLocation.FormatOf(outputPath) is { } named && format is { } wanted && named != wanted)
            throw Invalid($"{outputPath}: the name asks for {named}, the format for {format}.", "Make them agree, or leave the format out.");
        if (maxShardBytes < 0 || maxShardBytes > 0 && format is not (null or ModelFormat.Safetensors))
            throw Invalid("Shards have a positive size and are written as safetensors.");
        if (dtype == TensorDType.Q8_0 && (format ?? (outputPath is null ? null : OutputLocation.FormatOf(outputPath))) is not (null or ModelFormat.Gguf))
            throw Invalid("Blocks of Q8_0 are GGUF's alone.", "Choose F32, F16, BF16 or F64, or write Gguf.");
        if (dtype is { } type && type != TensorDType.Q8_0 && !TensorConversion.IsWritable(type))
            throw Invalid($"Weights cannot be written as {type}.", "Choose F32, F16, BF16, F64, or Q8_0 in GGUF.");
    }

    /// <summary>Refuses what needs a file of the same format to be made from.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static void Source(Model model, ModelFormat format, TensorDType? dtype)
    {
        if (format == ModelFormat.Gguf && model.File is not GgufFile)
            throw Invalid($"{model.Source.Path}: only a GGUF model can be written as one: the others lack the settings and the vocabulary that llama.cpp reads from it.", "Write Safetensors or PyTorch.");
        if (format == ModelFormat.Gguf && model.File.Metadata.GetValueOrDefault("split.count", "0") is not ("0" or "1"))
            throw Invalid($"{model.Source.Path}: this is one file of a split model, whose key-values are those of the whole.", "Make one file of it with llama-gguf-split --merge.");
        if (format != ModelFormat.Gguf && dtype == TensorDType.Q8_0)
            throw Invalid($"{model.Source.Path}: blocks of Q8_0 are GGUF's alone.", "Choose F32, F16, BF16 or F64, or write Gguf.");
    }

    /// <summary>An option that the output rules out.</summary>
    internal static LowRankToolsException Invalid(string message, string remedy = "") => new(CoreErrors.OptionInvalid, message, remedy);

    /// <summary>Refuses to replace files without leave.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputExists</c>.</exception>
    public static void Free(IReadOnlyList<string> targets, bool force)
    {
        if (!force && targets.FirstOrDefault(Path.Exists) is { } existing)
            throw new LowRankToolsException(CoreErrors.OutputExists, $"{existing}: the output exists.", "Use -Force to replace it, or choose another -OutputPath.");
    }

    /// <summary>Refuses output that the disk has no room for.</summary>
    /// <exception cref="LowRankToolsException"><c>DiskFull</c>.</exception>
    public static void Room(string folder, long bytes)
    {
        long free;
        try
        {
            free = new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return; // some file systems do not tell; the write itself will
        }
        if (free < bytes)
            throw new LowRankToolsException(CoreErrors.DiskFull, $"{folder}: the output needs {bytes:N0} bytes and {free:N0} are free.", "Free some room, or choose another -OutputPath.");
    }
}
