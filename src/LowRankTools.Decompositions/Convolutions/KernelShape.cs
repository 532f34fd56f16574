using LowRankTools.Numerics;

namespace LowRankTools.Decompositions;

/// <summary>Shape of the kernel of a convolution over lines and columns, or over a signal, whose channels all see each other. A signal is one line.</summary>
/// <param name="Outputs">Channels of an output.</param>
/// <param name="Channels">Channels of an input.</param>
/// <param name="Height">Lines of the kernel.</param>
/// <param name="Width">Columns of the kernel.</param>
public readonly record struct KernelShape(int Outputs, int Channels, int Height, int Width)
{
    /// <summary>Whether it is the kernel of a convolution over a signal: then its height is 1, and its sizes are three.</summary>
    public bool IsSignal { get; init; }

    /// <summary>Entries of the kernel.</summary>
    public long Length => checked((long)Outputs * Channels * Height * Width);

    /// <summary>Whether the kernel is a matrix: 1 x 1.</summary>
    public bool IsPointwise => Height == 1 && Width == 1;

    /// <summary>outputs x channels x height x width, or outputs x channels x length.</summary>
    public int[] Sizes => IsSignal ? [Outputs, Channels, Width] : [Outputs, Channels, Height, Width];

    /// <summary>A kernel of four sizes, or of three.</summary>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: there are fewer or more.</exception>
    public static KernelShape Of(IReadOnlyList<int> sizes) => sizes switch
    {
        [var outputs, var channels, var height, var width] => new(outputs, channels, height, width),
        [var outputs, var channels, var length] => new(outputs, channels, 1, length) { IsSignal = true },
        _ => throw TensorShapes.Mismatch($"{TensorShapes.Text([.. sizes])} is no kernel of outputs x channels x height x width, or of outputs x channels x length."),
    };

    /// <summary>The sizes as text.</summary>
    public override string ToString() => $"({string.Join(" x ", Sizes)})";
}
