using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>The entries of a tensor with its modes in another order.</summary>
public static class TensorTranspose
{
    /// <summary>A copy whose mode k is mode order[k] of the tensor.</summary>
    /// <param name="tensor">The entries.</param>
    /// <param name="shape">Sizes of the modes that they are seen with.</param>
    /// <param name="order">A permutation of the modes.</param>
    /// <param name="result">Shape of the result, of as many entries.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: the result has a negative size, or more entries than an index can count.</exception>
    public static Tensor Of(Tensor tensor, IReadOnlyList<int> shape, int[] order, int[] result)
    {
        int count = shape.Count;
        int[] strides = new int[count];
        for (int k = count - 1, stride = 1; k >= 0; stride *= shape[k--])
            strides[k] = stride;
        int[] sizes = [.. order.Select(k => shape[k])], steps = [.. order.Select(k => strides[k])], index = new int[count];
        Tensor moved = Tensor.Uninitialized(result);
        Span<double> to = moved.Values;
        ReadOnlySpan<double> from = tensor.Values;
        int position = 0, last = sizes[^1], step = steps[^1];
        for (int i = 0; i < to.Length; i += last)
        {
            for (int j = 0; j < last; j++)
                to[i + j] = from[position + (j * step)];
            // Count the other modes upwards like an odometer.
            for (int k = count - 2; k >= 0; k--)
            {
                position += steps[k];
                if (++index[k] < sizes[k])
                    break;
                position -= steps[k] * sizes[k];
                index[k] = 0;
            }
        }
        return moved;
    }
}
