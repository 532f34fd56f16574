namespace LowRankTools.Formats.Tensors;

/// <summary>
/// What the file itself says about a tensor's use. Graph formats know (a MatMul's right side is stored
/// in x out); plain name-to-tensor files say <see cref="Unknown"/> and the layer is recognised by name and shape.
/// </summary>
public enum TensorRole
{
    /// <summary>The file does not say.</summary>
    Unknown,
    /// <summary>Right side of y = x W, stored (in, out).</summary>
    MatMulRight,
    /// <summary>Weight of y = x W^T, stored (out, in).</summary>
    LinearWeight,
    /// <summary>Convolution kernel stored (out, in/groups, spatial...).</summary>
    Convolution,
    /// <summary>Convolution kernel stored (spatial..., in/groups, out), as TensorFlow does.</summary>
    ConvolutionChannelsLast,
    /// <summary>Kernel of a transposed convolution, stored (in, out/groups, spatial...).</summary>
    TransposedConvolution,
    /// <summary>Kernel of a transposed convolution, stored (spatial..., out/groups, in), as TensorFlow does.</summary>
    TransposedConvolutionChannelsLast,
    /// <summary>Table that rows are gathered from.</summary>
    Embedding,
    /// <summary>Gates of a recurrent cell, packed.</summary>
    Recurrent,
    /// <summary>Scale or shift of a normalisation.</summary>
    Normalization,
    /// <summary>Added bias.</summary>
    Bias,
    /// <summary>Not a weight: shapes, masks, indices, running statistics.</summary>
    Buffer,
}
