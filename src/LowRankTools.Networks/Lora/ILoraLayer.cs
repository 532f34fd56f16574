using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A layer with a frozen weight W and two small trained matrices beside it that stand for a change of W by s B A. Its parameters
/// are named as in loralib: <c>weight</c>, <c>bias</c>, <c>lora_A</c>, <c>lora_B</c>; those of <see cref="LotrLinear"/>, of which A and B are the outer two of three, otherwise.
/// </summary>
public interface ILoraLayer
{
    /// <summary>Rank, factor and the rest.</summary>
    LoraOptions Options { get; }

    /// <summary>W, frozen when the layer was made.</summary>
    Parameter Weight { get; }

    /// <summary>b, or null.</summary>
    Parameter? Bias { get; }

    /// <summary>A, rank rows.</summary>
    Parameter A { get; }

    /// <summary>B, rank columns.</summary>
    Parameter B { get; }

    /// <summary>Whether runs use the one matrix W + s B A. Training then fails until <see cref="Unmerge"/>.</summary>
    bool IsMerged { get; }

    /// <summary>What a run adds to W, in W's shape: s B A, of <see cref="DoraLinear"/> c (W + s B A) - W; the caller's.</summary>
    ITensor Delta(INetworkEngine engine, CancellationToken ct = default);

    /// <summary>
    /// Computes W + s B A once for all runs to come. It is held beside W, not in its place: whoever shares W keeps it, and
    /// undoing it brings back every bit, where subtracting again would leave rounding.
    /// </summary>
    void Merge(INetworkEngine engine, CancellationToken ct = default);

    /// <summary>Forgets what <see cref="Merge"/> computed.</summary>
    void Unmerge();

    /// <summary>A plain layer of W + s B A and the same bias object, as a new parameter.</summary>
    Module ToDense(INetworkEngine engine, CancellationToken ct = default);
}
