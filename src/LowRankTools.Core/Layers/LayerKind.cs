namespace LowRankTools.Core.Layers;

/// <summary>What a tensor is in its network, recognised by its name, its shape and what the file says of it.</summary>
public enum LayerKind
{
    /// <summary>Weight of a linear map.</summary>
    Linear,
    /// <summary>Linear weight that packs the query, key and value projections of attention.</summary>
    AttentionPacked,
    /// <summary>Table of one vector a token, position or class: (entries, features).</summary>
    Embedding,
    /// <summary>Kernel of a one-dimensional convolution.</summary>
    Conv1d,
    /// <summary>Kernel of a two-dimensional convolution.</summary>
    Conv2d,
    /// <summary>Kernel of a three-dimensional convolution.</summary>
    Conv3d,
    /// <summary>Packed gates of a recurrent cell.</summary>
    Recurrent,
    /// <summary>Scale of a normalisation.</summary>
    Norm,
    /// <summary>Added vector.</summary>
    Bias,
    /// <summary>Not learned: running statistics, position ids, masks, shapes, integers.</summary>
    Buffer,
    /// <summary>Anything else that is learned.</summary>
    Other,
}
