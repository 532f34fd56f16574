using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tensors;

/// <summary>Contracts two tensors whose modes have letters, as one matrix product for each index of the modes that both have and that stay.</summary>
public static class Contraction
{
    /// <summary>C(output) = sum over all letters that are not in the output of A(a) B(b).</summary>
    /// <param name="a">A.</param>
    /// <param name="aModes">A letter for each mode of A, each once.</param>
    /// <param name="b">B.</param>
    /// <param name="bModes">A letter for each mode of B, each once.</param>
    /// <param name="output">Letters of the result, each in A or B; none for a number, which has one mode of one entry.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: letters that are not those of the modes, or sizes that differ.</exception>
    public static Tensor Of(Tensor a, string aModes, Tensor b, string bModes, string output, ComputeOptions? options = null, CancellationToken ct = default)
    {
        Dictionary<char, int> sizes = [];
        Read(a, aModes, sizes);
        Read(b, bModes, sizes);
        if (output.Distinct().Count() != output.Length || output.Any(c => !sizes.ContainsKey(c)))
            throw TensorShapes.Mismatch($"'{aModes},{bModes}->{output}' is no contraction.");
        string batch = Only(output, c => aModes.Contains(c, StringComparison.Ordinal) && bModes.Contains(c, StringComparison.Ordinal));
        string summed = Only(aModes, c => bModes.Contains(c, StringComparison.Ordinal) && !output.Contains(c, StringComparison.Ordinal));
        string left = Only(output, c => !bModes.Contains(c, StringComparison.Ordinal)), right = Only(output, c => !aModes.Contains(c, StringComparison.Ordinal));
        int count = Size(batch, sizes), rows = Size(left, sizes), inner = Size(summed, sizes), columns = Size(right, sizes);
        using Tensor x = Arranged(a, aModes, batch + left + summed, sizes), y = Arranged(b, bModes, batch + summed + right, sizes);
        Tensor product = Tensor.Uninitialized(checked(count * rows * columns));
        MatrixView<double> from = x.AsMatrix(count * rows, inner), with = y.AsMatrix(count * inner, columns), to = product.AsMatrix(count * rows, columns);
        for (int k = 0; k < count; k++)
            Gemm.Multiply(1, from.Slice(k * rows, 0, rows, inner), with.Slice(k * inner, 0, inner, columns), 0, to.Slice(k * rows, 0, rows, columns), options, ct);
        using (product)
            return Ordered(product, batch + left + right, output, sizes);
    }

    /// <summary>The modes of a tensor in another order; those that are left out are summed over.</summary>
    /// <param name="tensor">A.</param>
    /// <param name="modes">A letter for each mode.</param>
    /// <param name="output">Letters of the result.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public static Tensor Of(Tensor tensor, string modes, string output)
    {
        Dictionary<char, int> sizes = [];
        Read(tensor, modes, sizes);
        using Tensor arranged = Arranged(tensor, modes, output, sizes);
        return arranged.Copy(Shape(output, sizes));
    }

    private static void Read(Tensor tensor, string modes, Dictionary<char, int> sizes)
    {
        if (modes.Length != tensor.Order && !(modes.Length == 0 && tensor.Length == 1) || modes.Distinct().Count() != modes.Length)
            throw TensorShapes.Mismatch($"'{modes}' does not name the modes of {TensorShapes.Text([.. tensor.Shape])}, each once.");
        for (int k = 0; k < modes.Length; k++)
        {
            if (!sizes.TryAdd(modes[k], tensor.Shape[k]) && sizes[modes[k]] != tensor.Shape[k])
                throw TensorShapes.Mismatch($"Mode '{modes[k]}' has {sizes[modes[k]]} indices and {tensor.Shape[k]}.");
        }
    }

    // Modes that are in neither the order nor anywhere else are summed over first.
    private static Tensor Arranged(Tensor tensor, string modes, string order, Dictionary<char, int> sizes)
    {
        string lone = Only(modes, c => !order.Contains(c, StringComparison.Ordinal));
        if (lone.Length == 0)
            return Ordered(tensor, modes, order, sizes);
        using Tensor moved = Ordered(tensor, modes, order + lone, sizes);
        int rows = Size(order, sizes), columns = Size(lone, sizes);
        Tensor sums = Tensor.Uninitialized(rows);
        for (int i = 0; i < rows; i++)
        {
            double sum = 0;
            foreach (double value in moved.Values.Slice(i * columns, columns))
                sum += value;
            sums.Values[i] = sum;
        }
        return sums;
    }

    private static Tensor Ordered(Tensor tensor, string modes, string order, Dictionary<char, int> sizes) => modes == order
        ? tensor.Copy(Shape(order, sizes))
        : TensorTranspose.Of(tensor, [.. modes.Select(c => sizes[c])], [.. order.Select(c => modes.IndexOf(c, StringComparison.Ordinal))], Shape(order, sizes));

    private static int[] Shape(string modes, Dictionary<char, int> sizes) => modes.Length == 0 ? [1] : [.. modes.Select(c => sizes[c])];

    private static int Size(string modes, Dictionary<char, int> sizes) => modes.Aggregate(1, (size, c) => checked(size * sizes[c]));

    private static string Only(string modes, Func<char, bool> condition) => string.Concat(modes.Where(condition));
}
