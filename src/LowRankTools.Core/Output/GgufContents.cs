using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Gguf;

namespace LowRankTools.Core.Output;

/// <summary>What a GGUF file says beside its tensors.</summary>
/// <param name="Source">Whose key-values go along byte for byte; null for none.</param>
/// <param name="Values">Key-values of its own.</param>
internal sealed record GgufContents(GgufFile? Source, IReadOnlyList<GgufValue> Values)
{
    /// <summary>The key-values of a model that is written again; null for another format.</summary>
    /// <param name="model">The model.</param>
    /// <param name="format">What is written.</param>
    /// <param name="values">Key-values in place of the model's.</param>
    public static GgufContents? Of(Model model, ModelFormat format, params IReadOnlyList<GgufValue> values) => format == ModelFormat.Gguf ? new GgufContents((GgufFile)model.File, values) : null;
}
