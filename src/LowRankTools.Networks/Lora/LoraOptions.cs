using System.Globalization;
using LowRankTools.Numerics;

namespace LowRankTools.Networks.Lora;

/// <summary>Where the two small matrices of a LoRA layer start.</summary>
public enum LoraStart
{
    /// <summary>
    /// One random, one zero, so that the layer computes at first what it did (Hu et al., "LoRA: Low-Rank Adaptation of Large
    /// Language Models", 2021). Linear layers: A uniform in +-1/sqrt(in), which is PyTorch's Kaiming start with a = sqrt(5),
    /// and B = 0. Embeddings: A = 0 and B standard normal, as in loralib.
    /// </summary>
    Zero,

    /// <summary>
    /// The r largest components of the weight, W = U S V^T: B = U S^1/2 / sqrt(s), A = S^1/2 V^T / sqrt(s) for the factor s, and the
    /// frozen base becomes the rest, W - s B A (Meng et al., "PiSSA", 2024).
    /// </summary>
    Pissa,

    /// <summary>
    /// The first r columns and rows of W = Q R: B = Q, A = R, and the frozen base becomes W - s B A (Büyükakyüz, "OLoRA", 2024).
    /// </summary>
    Olora,
}

/// <summary>Everything that a LoRA layer can be told: y = x W^T + b + s dropout(x) A^T B^T.</summary>
/// <param name="Rank">r, rows of A and columns of B, at least 1.</param>
public sealed record LoraOptions(int Rank)
{
    /// <summary>Alpha of the factor s; loralib's default is 1, PEFT's is 8.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>
    /// Whether s is alpha / sqrt(r) and not alpha / r, which keeps what the pair adds of one size for large ranks (Kalajdzievski,
    /// "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", 2023).
    /// </summary>
    public bool RankStabilized { get; init; }

    /// <summary>Share of the input's entries that do not reach A in training.</summary>
    public double Dropout { get; init; }

    /// <summary>Whether the base weight is (in, out), as TensorFlow and GPT-2's files have it, and not (out, in). Linear layers only.</summary>
    public bool FanInFanOut { get; init; }

    /// <summary>Whether <see cref="LoraModes.Eval"/> adds s B A to the weight, so that a run costs what it did without LoRA.</summary>
    public bool MergeOnEval { get; init; } = true;

    /// <summary>
    /// Which of the equal parts of a linear layer's outputs get a pair, such as queries and values of a packed projection:
    /// [true, false, true]. Null for one pair over all outputs.
    /// </summary>
    public IReadOnlyList<bool>? EnabledGroups { get; init; }

    /// <summary>
    /// Whether the lengths of the weight's rows are learned apart from their directions (Liu et al., "DoRA", 2024): <see cref="DoraLinear"/>. Linear
    /// layers without groups only, which start at zero.
    /// </summary>
    public bool Dora { get; init; }

    /// <summary>Where A and B start.</summary>
    public LoraStart Start { get; init; }

    /// <summary>Seed of random starts.</summary>
    public ulong Seed { get; init; }

    /// <summary>s, the factor of B A.</summary>
    public double Scaling => Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank);

    internal string Text => string.Create(
        CultureInfo.InvariantCulture,
        $"r={Rank}, alpha={Alpha}{(RankStabilized ? ", rslora=True" : string.Empty)}{(Dora ? ", dora=True" : string.Empty)}{(Dropout > 0 ? $", dropout={Dropout}" : string.Empty)}");

    /// <summary>Fails where a number makes no sense.</summary>
    internal void Check()
    {
        if (Rank < 1) throw new LowRankToolsException("RankNotPositive", $"Rank {Rank} is below 1.", "Use a rank of at least 1.");
        if (!(Dropout is >= 0 and < 1)) throw new LowRankToolsException("LoraOptionsInvalid", $"Dropout {Dropout} is not a share.", "Use 0 to below 1.");
        if (!double.IsFinite(Alpha)) throw new LowRankToolsException("LoraOptionsInvalid", $"Alpha {Alpha} is not finite.", "Use a finite alpha.");
        if (EnabledGroups is { } groups && !groups.Contains(true))
            throw new LowRankToolsException("LoraOptionsInvalid", "No group of outputs gets a pair.", "Enable one group or more.");
    }

    /// <summary>Fails too where something is asked for that only linear layers have.</summary>
    internal void CheckPlain(string layers)
    {
        Check();
        if (Dropout != 0 || EnabledGroups is not null || Start != LoraStart.Zero || FanInFanOut || Dora)
            throw new LowRankToolsException("LoraOptionsInvalid", "Dropout, groups, starts from the weight, fan_in_fan_out and DoRA are for plain linear layers.", $"Leave them out for {layers}.");
    }
}
