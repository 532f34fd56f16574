namespace LowRankTools.Core.Calibration;

/// <summary>What the gradients at a layer's outputs are those of.</summary>
public enum GradientSource
{
    /// <summary>What suits the network: <see cref="NextToken"/> for language models, <see cref="Projection"/> for encoders.</summary>
    Auto,

    /// <summary>Nothing: inputs alone are collected.</summary>
    None,

    /// <summary>
    /// A sum of the embedding's entries with random signs, another one for each text: its gradients g have the mean E[g g^T] = J^T J, J being what a
    /// change at the layer does to the embedding.
    /// </summary>
    Projection,

    /// <summary>The sum of -log p(token | those before it) over a text.</summary>
    NextToken,
}
