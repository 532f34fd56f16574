using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// The feed-forward part of one block of a transformer: y = down(f(up(x))), or down(f(gate(x)) * up(x)) where it is gated.
/// </summary>
/// <param name="Inputs">The weights of up, and of gate where there is one: a row of outputs for each hidden unit.</param>
/// <param name="Biases">Their biases, which have an entry for each hidden unit.</param>
/// <param name="Down">The weight that reads the hidden units.</param>
internal sealed record FeedForwardPart(IReadOnlyList<ModelLayer> Inputs, IReadOnlyList<ModelLayer> Biases, ModelLayer Down)
{
    /// <summary>Hidden units.</summary>
    public int Hidden => checked((int)Down.Shape.InFeatures!.Value);

    /// <summary>Inputs and outputs of the part.</summary>
    public int Width => checked((int)Down.Shape.OutFeatures!.Value);
}
