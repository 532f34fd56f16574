using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Graphs;

/// <summary>What an operation does to the order of a weight's elements before something else uses it.</summary>
internal enum WeightLayout
{
    /// <summary>As stored.</summary>
    Stored,
    /// <summary>The last two axes are swapped.</summary>
    Swapped,
    /// <summary>A kernel (spatial..., in, out) becomes (out, in, spatial...).</summary>
    FromChannelsLast,
    /// <summary>Cut, joined or reshaped: only uses that do not depend on the order still tell something.</summary>
    Other,
}

/// <summary>What one use says of a weight: its role there, or that the operation hands it on.</summary>
internal readonly record struct UseMeaning
{
    /// <summary>The role; unknown where the use tells nothing.</summary>
    public TensorRole Role { get; private init; }

    /// <summary>How the weight goes on, where it does; null where it ends here.</summary>
    public WeightLayout? HandedOn { get; private init; }

    /// <summary>The use tells nothing.</summary>
    public static UseMeaning Nothing => default;

    /// <summary>The use tells the role.</summary>
    public static UseMeaning Is(TensorRole role) => new() { Role = role };

    /// <summary>The operation's result is the weight in another layout.</summary>
    public static UseMeaning HandsOn(WeightLayout layout) => new() { HandedOn = layout };
}
