using LowRankTools.Decompositions;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>Kernels of convolutions in files: outputs x channels x height x width as PyTorch and ONNX store them, or TensorFlow's height x width x channels x outputs.</summary>
internal static class ConvolutionKernel
{
    /// <summary>Whether the channels are stored last.</summary>
    public static bool IsChannelsLast(TensorInfo tensor) => tensor.Role == TensorRole.ConvolutionChannelsLast;

    /// <summary>Shape of a layer's kernel; null where it is none, or too large to be computed with.</summary>
    public static KernelShape? ShapeOf(ModelLayer layer) => !layer.Shape.IsKernel || layer.Tensor.ElementCount is < 1 or > int.MaxValue ? null : ShapeOf(layer.Shape.Shape, IsChannelsLast(layer.Tensor));

    /// <summary>Shape of a kernel from its sizes as stored, four and none of them above 2^31 - 1.</summary>
    public static KernelShape ShapeOf(Dimensions sizes, bool channelsLast)
    {
        int[] s = [.. sizes.Sizes.Select(size => checked((int)size))];
        return channelsLast ? new KernelShape(s[3], s[2], s[0], s[1]) : new KernelShape(s[0], s[1], s[2], s[3]);
    }

    /// <summary>Reads a kernel as outputs x channels x height x width.</summary>
    /// <exception cref="ModelFormatException">The file is too short, or the type has no conversion.</exception>
    public static Tensor Read(TensorFile file, TensorInfo tensor, CancellationToken cancellationToken)
    {
        using Matrix<float> values = WeightMatrix.Read(file, tensor, cancellationToken);
        Tensor stored = Tensor.From(values.RowBlock(0, values.Rows), [.. tensor.Shape.Select(size => (int)size)]);
        if (!IsChannelsLast(tensor))
            return stored;
        using (stored)
            return Permuted(stored, [3, 2, 0, 1]);
    }

    /// <summary>A kernel as it was stored, (product of the leading sizes) x (last size).</summary>
    /// <param name="kernel">outputs x channels x height x width.</param>
    /// <param name="channelsLast">Whether the channels are stored last.</param>
    public static Matrix<float> Stored(Tensor kernel, bool channelsLast)
    {
        using Tensor stored = channelsLast ? Permuted(kernel, [2, 3, 1, 0]) : kernel.Copy();
        return Single(stored);
    }

    /// <summary>Entries as float32, (product of the leading sizes) x (last size).</summary>
    public static Matrix<float> Single(Tensor tensor)
    {
        Matrix<float> matrix = Matrix<float>.Uninitialized(tensor.Length / tensor.Shape[^1], tensor.Shape[^1]);
        Span<float> to = matrix.RowBlock(0, matrix.Rows);
        ReadOnlySpan<double> from = tensor.Values;
        for (int i = 0; i < to.Length; i++)
            to[i] = (float)from[i];
        return matrix;
    }

    private static Tensor Permuted(Tensor tensor, int[] order) => TensorTranspose.Of(tensor, tensor.Shape, order, [.. order.Select(k => tensor.Shape[k])]);
}
