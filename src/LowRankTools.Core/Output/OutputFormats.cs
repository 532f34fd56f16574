using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;

namespace LowRankTools.Core.Output;

/// <summary>Formats of what is written.</summary>
internal static class OutputFormats
{
    /// <summary>Format that a model is written in, before it is opened: what was asked for, what the output's name asks for, or its own habit's.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="outputPath">Where it goes.</param>
    /// <param name="source">The model that is read.</param>
    public static ModelFormat Choose(ModelFormat? wanted, string? outputPath, ModelSource source) => wanted
        ?? (outputPath is null ? null : OutputLocation.FormatOf(outputPath))
        ?? OutputTypes.Default(OutputLocation.FormatOf(source.Path) ?? ModelFormat.Safetensors);

    /// <summary>The same for a dense model that is made again: the graph of an ONNX model is the one from before the factorization, and none is written.</summary>
    /// <param name="wanted">What was asked for.</param>
    /// <param name="outputPath">Where it goes.</param>
    /// <param name="source">The model that is read.</param>
    public static ModelFormat ChooseDense(ModelFormat? wanted, string? outputPath, ModelSource source) =>
        Choose(wanted, outputPath, source) is var format && format == ModelFormat.Onnx ? ModelFormat.Safetensors : format;
}
