using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Lora;

/// <summary>Which parameters a LoRA training changes, beside A and B.</summary>
public enum LoraBias
{
    /// <summary>None: loralib's <c>none</c>.</summary>
    None,

    /// <summary>Every bias of the network: <c>all</c>.</summary>
    All,

    /// <summary>The biases of layers with LoRA: <c>lora_only</c>.</summary>
    LoraOnly,
}

/// <summary>Parameters that training changes, and all.</summary>
/// <param name="Trainable">Number of entries that training changes.</param>
/// <param name="Total">Number of all entries, tied ones counted once.</param>
public sealed record ParameterShare(long Trainable, long Total)
{
    /// <summary>Trainable by total; 0 of a network without parameters.</summary>
    public double Share => Total == 0 ? 0 : (double)Trainable / Total;
}

/// <summary>What a network with LoRA layers is told before training and before use.</summary>
public static class LoraModes
{
    /// <summary>
    /// Freezes every parameter whose name has no <c>lora_</c> or <c>lotr_</c> in it, then frees the biases that are asked for, as loralib's
    /// <c>mark_only_lora_as_trainable</c> does.
    /// </summary>
    /// <param name="root">The network.</param>
    /// <param name="bias">Which biases are trained too.</param>
    public static ParameterShare MarkOnlyLoraTrainable(this Module root, LoraBias bias = LoraBias.None)
    {
        // A parameter that is tied under two names is trained if one of them says so.
        HashSet<Parameter> trained = [.. LoraState.Chosen(root, bias).Select(p => p.Parameter.Parameter)];
        foreach (Parameter parameter in root.Parameters()) parameter.Trainable = trained.Contains(parameter);
        return root.ShareOfTrainable();
    }

    /// <summary>How many parameters training changes, of how many.</summary>
    public static ParameterShare ShareOfTrainable(this Module root) => new(root.CountParameters(trainableOnly: true), root.CountParameters());

    /// <summary>Merges the pairs into their weights for use, where their options want it: loralib's <c>eval()</c>.</summary>
    /// <param name="root">The network.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="ct">Stops between layers.</param>
    public static void Eval(this Module root, INetworkEngine engine, CancellationToken ct = default)
    {
        foreach (ILoraLayer layer in root.LoraLayers().Where(layer => layer.Options.MergeOnEval))
        {
            ct.ThrowIfCancellationRequested();
            layer.Merge(engine, ct);
        }
    }

    /// <summary>Undoes <see cref="Eval"/>, for training: loralib's <c>train()</c>. Weights have the bits they had.</summary>
    /// <param name="root">The network.</param>
    public static void Train(this Module root)
    {
        foreach (ILoraLayer layer in root.LoraLayers()) layer.Unmerge();
    }

    /// <summary>All LoRA layers of a network, each once.</summary>
    public static IEnumerable<ILoraLayer> LoraLayers(this Module root) => root.Modules().Select(place => place.Module).OfType<ILoraLayer>().Distinct();

    internal static void RequireUnmerged(ILoraLayer layer, Module module)
    {
        if (layer.IsMerged)
            throw new LowRankToolsException("LoraIsMerged", $"A merged {module.TypeName} cannot be trained: its A and B take no part in the run.", "Call Train() on the network first.");
    }
}
