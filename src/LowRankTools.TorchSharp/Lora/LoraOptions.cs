using LowRankTools.Numerics;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>Where A and B of a LoRA layer start.</summary>
public enum LoraStart
{
    /// <summary>At a change of zero (Hu et al., 2021): A uniform in +-1/sqrt(in) and B zero, for embeddings A zero and B normal.</summary>
    Zero,

    /// <summary>At the r largest components of the weight, which keeps the rest (Meng et al., "PiSSA", 2024).</summary>
    Pissa,

    /// <summary>At the first columns and rows of W = Q R, which keeps the rest (Büyükakyüz, "OLoRA", 2024).</summary>
    Olora,
}

/// <summary>Which parameters a LoRA training changes, beside A and B.</summary>
public enum LoraBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>Every bias of the module.</summary>
    All,

    /// <summary>The biases of layers with LoRA.</summary>
    LoraOnly,
}

/// <summary>How the tensors of an adapter are named.</summary>
public enum LoraKeys
{
    /// <summary>As the parameters: <c>X.lora_A</c>, <c>X.lora_B</c>.</summary>
    Loralib,

    /// <summary><c>base_model.model.X.lora_A.weight</c>, for embeddings <c>base_model.model.X.lora_embedding_A</c>, for lengths <c>base_model.model.X.lora_magnitude_vector</c>.</summary>
    Peft,
}

/// <summary>Everything that a LoRA layer can be told: y = x W^T + b + s dropout(x) A^T B^T.</summary>
/// <param name="Rank">r, at least 1.</param>
public sealed record LoraOptions(int Rank)
{
    /// <summary>Alpha of the factor s.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Whether s is alpha / sqrt(r) and not alpha / r (Kalajdzievski, 2023).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>Share of the input's entries that do not reach A in training; embeddings have none.</summary>
    public double Dropout { get; init; }

    /// <summary>Whether the weight is (in, out) and not (out, in). Linear layers only.</summary>
    public bool FanInFanOut { get; init; }

    /// <summary>Whether <c>eval()</c> merges the pair into the weight.</summary>
    public bool MergeOnEval { get; init; } = true;

    /// <summary>Which of the equal parts of a linear layer's outputs get a pair: [true, false, true]. Null for one pair over all.</summary>
    public IReadOnlyList<bool>? EnabledGroups { get; init; }

    /// <summary>Whether the lengths of the weight's rows are learned apart from their directions: <see cref="DoraLinear"/>. Linear layers without groups only.</summary>
    public bool Dora { get; init; }

    /// <summary>Where A and B start when surgery puts them in.</summary>
    public LoraStart Start { get; init; }

    /// <summary>Seed of the singular value decomposition.</summary>
    public ulong Seed { get; init; }

    /// <summary>s, the factor of B A.</summary>
    public double Scaling => Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank);

    /// <summary>Fails too where something is asked for that only plain linear layers have; dropout is not asked about.</summary>
    internal LoraOptions CheckedPlain(string layers) => EnabledGroups is null && !FanInFanOut && Start == LoraStart.Zero && !Dora
        ? Checked()
        : throw new LowRankToolsException("LoraOptionsInvalid", "Groups, starts from the weight, fan_in_fan_out and DoRA are for plain linear layers.", $"Leave them out for {layers}.");

    /// <summary>Fails where a number makes no sense.</summary>
    internal LoraOptions Checked()
    {
        if (Rank < 1) throw new LowRankToolsException("RankNotPositive", $"Rank {Rank} is below 1.", "Use a rank of at least 1.");
        if (!(Dropout is >= 0 and < 1)) throw new LowRankToolsException("LoraOptionsInvalid", $"Dropout {Dropout} is not a share.", "Use 0 to below 1.");
        if (!double.IsFinite(Alpha)) throw new LowRankToolsException("LoraOptionsInvalid", $"Alpha {Alpha} is not finite.", "Use a finite alpha.");
        if (EnabledGroups is { } groups && !groups.Contains(true))
            throw new LowRankToolsException("LoraOptionsInvalid", "No group of outputs gets a pair.", "Enable one group or more.");
        return this;
    }
}
