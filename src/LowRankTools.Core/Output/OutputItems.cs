using LowRankTools.Core.Layers;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>A checked sequence of writing steps.</summary>
internal static class OutputItems
{
    /// <summary>Refuses two tensors of one name: a model may hold <c>X.0.weight</c> beside <c>X.weight</c> already.</summary>
    /// <exception cref="LowRankToolsException"><c>NameCollision</c>.</exception>
    public static List<OutputItem> Checked(List<OutputItem> items, string path)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (string name in items.SelectMany(i => i.Names))
        {
            if (!names.Add(name))
            {
                throw new LowRankToolsException(CoreErrors.NameCollision, $"{path}: the output would have two tensors '{name}'.",
                    "Leave the layer out with -Exclude.");
            }
        }
        return items;
    }

    /// <summary>A tensor that stays as it is: a second name of one that is written, where it is the same data, or a copy.</summary>
    /// <param name="layer">The tensor.</param>
    /// <param name="spec">How it is written.</param>
    /// <param name="tensors">All tensors of the model by name.</param>
    public static OutputItem Kept(ModelLayer layer, TensorSpec spec, IReadOnlyDictionary<string, TensorInfo> tensors) =>
        TensorTies.LeaderOf(layer, tensors) is { } leader ? new OutputItem.Alias(spec, leader) : new OutputItem.Copy(layer.Tensor, spec);

    /// <summary>
    /// Metadata of the output. Safetensors says which names are left out because they are tied, in the way its own
    /// library does (name to the name kept), and that PyTorch's conventions hold.
    /// </summary>
    /// <param name="source">What is read.</param>
    /// <param name="format">What is written.</param>
    /// <param name="items">The steps.</param>
    /// <param name="record">The record of pairs; null where there are none.</param>
    /// <param name="decompositions">The record of decomposed tensors; null where none stand as factors.</param>
    public static Dictionary<string, string> Metadata(TensorFile source, ModelFormat format, IEnumerable<OutputItem> items, string? record, DecompositionRecord? decompositions)
    {
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        if (format == ModelFormat.Safetensors)
        {
            if (source.Format == ModelFormat.Safetensors)
                CopyText(source, metadata);
            metadata["format"] = "pt";
            foreach (OutputItem.Alias alias in items.OfType<OutputItem.Alias>())
                metadata[alias.Spec.Name] = alias.Existing;
        }
        if (record is not null)
            metadata[FactorizationRecord.MetadataKey] = record;
        if (decompositions is not null)
            metadata[DecompositionRecord.MetadataKey] = decompositions.ToMetadata();
        return metadata;
    }

    /// <summary>Text that is about the model as a whole stays; that about its tensors is made anew.</summary>
    private static void CopyText(TensorFile source, Dictionary<string, string> metadata)
    {
        HashSet<string> tensors = source.Tensors.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        foreach ((string key, string value) in source.Metadata)
        {
            if (key is not (FactorizationRecord.MetadataKey or DecompositionRecord.MetadataKey) && !tensors.Contains(value))
                metadata[key] = value;
        }
    }
}
