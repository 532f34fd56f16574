using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// Shape of the kernel of a convolution over lines and columns, over a signal, or over a volume, whose channels all see each other. A signal is one line; a volume is
/// planes of lines, and a method takes their lines for those of one plane: what is a product over lines and columns is one over (planes and lines) and columns too.
/// </summary>
/// <param name="Outputs">Channels of an output.</param>
/// <param name="Channels">Channels of an input.</param>
/// <param name="Height">Lines of the kernel, of all its planes together.</param>
/// <param name="Width">Columns of the kernel.</param>
public readonly record struct KernelShape(int Outputs, int Channels, int Height, int Width)
{
    /// <summary>Whether it is the kernel of a convolution over a signal: then its height is 1, and its sizes are three.</summary>
    public bool IsSignal { get; init; }

    /// <summary>Planes of the kernel of a convolution over a volume, which then has five sizes; 0 of others.</summary>
    public int Planes { get; init; }

    /// <summary>Whether it is the kernel of a convolution over a volume.</summary>
    public bool IsVolume => Planes > 0;

    /// <summary>Entries of the kernel.</summary>
    public long Length => checked((long)Outputs * Channels * Height * Width);

    /// <summary>Whether the kernel is a matrix: 1 x 1.</summary>
    public bool IsPointwise => Height == 1 && Width == 1;

    /// <summary>outputs x channels x height x width, outputs x channels x length, or outputs x channels x depth x height x width.</summary>
    public int[] Sizes => IsSignal ? [Outputs, Channels, Width] : IsVolume ? [Outputs, Channels, Planes, Height / Planes, Width] : [Outputs, Channels, Height, Width];

    /// <summary>A kernel of three sizes, of four, or of five.</summary>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: there are fewer or more.</exception>
    public static KernelShape Of(IReadOnlyList<int> sizes) => sizes switch
    {
        [var outputs, var channels, var height, var width] => new(outputs, channels, height, width),
        [var outputs, var channels, var length] => new(outputs, channels, 1, length) { IsSignal = true },
        [var outputs, var channels, var depth, var height, var width] => new(outputs, channels, checked(depth * height), width) { Planes = depth },
        _ => throw TensorShapes.Mismatch($"{TensorShapes.Text([.. sizes])} is no kernel of outputs x channels x height x width, with a depth before them or a length in their place."),
    };

    /// <summary>The sizes as text.</summary>
    public override string ToString() => $"({string.Join(" x ", Sizes)})";
}
