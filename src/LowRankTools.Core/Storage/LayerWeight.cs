using LowRankTools.Core.Layers;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Storage;

/// <summary>
/// Weights as methods of layers take them, however files store them. Kernels are outputs x channels x height x width, as PyTorch and ONNX have
/// them, and not TensorFlow's height x width x channels x outputs, without a height over signals and with a depth before it over volumes; matrices outputs x inputs, or entries x features of an embedding.
/// </summary>
internal static class LayerWeight
{
    /// <summary>Whether the channels are stored last.</summary>
    public static bool IsChannelsLast(TensorInfo tensor) => tensor.Role == TensorRole.ConvolutionChannelsLast;

    /// <summary>Shape of a layer's kernel; null where it is none, or too large to be computed with.</summary>
    public static KernelShape? ShapeOf(ModelLayer layer) => !layer.Shape.IsKernel || layer.Tensor.ElementCount is < 1 or > int.MaxValue ? null : ShapeOf(layer.Shape.Shape, IsChannelsLast(layer.Tensor));

    /// <summary>Shape of a kernel from its sizes as stored, three to five and none of them above 2^31 - 1.</summary>
    public static KernelShape ShapeOf(Dimensions sizes, bool channelsLast)
    {
        int[] s = [.. sizes.Sizes.Select(size => checked((int)size))];
        return KernelShape.Of(channelsLast ? [.. ChannelsFirst(s.Length).Select(k => s[k])] : s);
    }

    /// <summary>Shape of a factor by a method of layers as a format stores it: kernels of a TensorFlow.js graph have their channels last.</summary>
    public static int[] FactorShape(FactorShape factor, ModelFormat format) =>
        IsFactorTurned(factor.Shape.Count, format) ? [factor.Shape[2], factor.Shape[3], factor.Shape[1], factor.Shape[0]] : [.. factor.Shape];

    /// <summary>A factor as its method takes it, from the entries and the shape that a format stores.</summary>
    public static Tensor Factor(ReadOnlySpan<float> values, int[] shape, ModelFormat format)
    {
        Tensor stored = Tensor.From(values, shape);
        if (!IsFactorTurned(shape.Length, format))
            return stored;
        using (stored)
            return Permuted(stored, [3, 2, 0, 1]);
    }

    /// <summary>Whether a format has the sides of a factor the other way round than its method.</summary>
    /// <param name="dimensions">Dimensions of the factor.</param>
    /// <param name="format">The format.</param>
    public static bool IsFactorTurned(int dimensions, ModelFormat format) => format == ModelFormat.TensorFlowJs && dimensions == 4;

    /// <summary>Whether a file has the sides of a layer's weight the other way round: channels last, or a linear map's inputs first.</summary>
    public static bool IsTurned(LayerKind kind, WeightOrientation orientation) => kind != LayerKind.Embedding && orientation == WeightOrientation.InOut;

    /// <summary>Reads a layer's weight.</summary>
    /// <exception cref="ModelFormatException">The file is too short, or the type has no conversion.</exception>
    public static Tensor Read(TensorFile file, ModelLayer layer, CancellationToken cancellationToken)
    {
        TensorInfo tensor = layer.Tensor;
        using Matrix<float> values = WeightMatrix.Read(file, tensor, cancellationToken);
        if (!layer.Shape.IsKernel)
            return Matrix(values, layer);
        Tensor stored = Tensor.From(values.RowBlock(0, values.Rows), [.. tensor.Shape.Select(size => (int)size)]);
        if (!IsChannelsLast(tensor))
            return stored;
        using (stored)
            return Permuted(stored, ChannelsFirst(stored.Order));
    }

    /// <summary>The matrix of a layer that is no kernel, from its entries as stored.</summary>
    public static Tensor Matrix(Matrix<float> stored, ModelLayer layer) =>
        IsTurned(layer.Shape.Kind, layer.Shape.Orientation) ? Wide(stored.Transposed) : Tensor.From(stored.RowBlock(0, stored.Rows), stored.Rows, stored.Columns);

    /// <summary>A weight as it was stored, (product of the leading sizes) x (last size).</summary>
    /// <param name="weight">The kernel or matrix.</param>
    /// <param name="turned">Whether the file has its sides the other way round.</param>
    public static Matrix<float> Stored(Tensor weight, bool turned)
    {
        using Tensor stored = turned ? Permuted(weight, weight.Order == 2 ? [1, 0] : [.. Enumerable.Range(2, weight.Order - 2), 1, 0]) : weight.Copy();
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

    // Outputs and channels come last there: first they and then the sides.
    private static int[] ChannelsFirst(int order) => [order - 1, order - 2, .. Enumerable.Range(0, order - 2)];

    private static Tensor Wide(MatrixView<float> matrix)
    {
        using Matrix<float> rows = matrix.ToMatrix();
        return Tensor.From(rows.RowBlock(0, rows.Rows), rows.Rows, rows.Columns);
    }

    private static Tensor Permuted(Tensor tensor, int[] order) => TensorTranspose.Of(tensor, tensor.Shape, order, [.. order.Select(k => tensor.Shape[k])]);
}
