namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// One convolution of a chain that stands for one convolution. Exactly one stage has the height of the whole kernel and exactly one its
/// width: that one gets the whole's stride, padding and dilation along that side, the others 1, 0 and 1. Planes go with lines. A bias goes to the last stage.
/// </summary>
/// <param name="Outputs">Channels of an output.</param>
/// <param name="Channels">Channels of an input.</param>
/// <param name="Height">Lines of its kernel, of all planes together.</param>
/// <param name="Width">Columns of its kernel.</param>
/// <param name="TakesHeight">Whether stride, padding and dilation of lines, and of planes, are its.</param>
/// <param name="TakesWidth">Whether stride, padding and dilation of columns are its.</param>
/// <param name="IsDepthwise">Whether every channel is convolved by itself: as many groups as channels.</param>
public sealed record ConvolutionStage(int Outputs, int Channels, int Height, int Width, bool TakesHeight, bool TakesWidth, bool IsDepthwise = false)
{
    /// <summary>Groups of channels that do not see each other: 1, or <see cref="Channels"/>.</summary>
    public int Groups => IsDepthwise ? Channels : 1;

    /// <summary>Whether the whole is a convolution over a signal: then kernels have three sizes, and height is none of them.</summary>
    public bool IsSignal { get; init; }

    /// <summary>Planes of the whole kernel where that is one over a volume; 0 elsewhere.</summary>
    public int Planes { get; init; }

    /// <summary>Shape of its kernel: outputs x channels of a group x height x width, x length, or x depth x height x width.</summary>
    public int[] Shape => IsSignal ? [Outputs, Channels / Groups, Width] : Planes > 0 ? [Outputs, Channels / Groups, OwnPlanes, Height / OwnPlanes, Width] : Plane;

    /// <summary>The same with a height of 1 where there is none, and with the lines of all planes as one height: what methods compute with.</summary>
    internal int[] Plane => [Outputs, Channels / Groups, Height, Width];

    /// <summary>Entries of its kernel.</summary>
    public long Length => checked((long)Outputs * (Channels / Groups) * Height * Width);

    // All lines of the kernel, or one line of one plane.
    private int OwnPlanes => Height > 1 ? Planes : 1;
}
