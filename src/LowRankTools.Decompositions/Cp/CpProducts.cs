using System.Runtime.InteropServices;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>Products of a tensor with the factors of a CP decomposition, whose modes are cut into leading and trailing ones.</summary>
internal static class CpProducts
{
    /// <summary>Where to cut the modes so that both sides together are smallest: their Khatri-Rao products are what is formed.</summary>
    public static int Cut(IReadOnlyList<int> shape)
    {
        int[] sizes = [.. shape];
        return Enumerable.Range(1, shape.Count - 1).MinBy(k => (long)TensorShapes.Product(sizes.AsSpan(0, k)) + TensorShapes.Product(sizes.AsSpan(k)));
    }

    /// <summary>The dense tensor that factors stand for.</summary>
    public static Tensor Dense(List<Matrix<double>> factors, ComputeOptions? options, CancellationToken ct)
    {
        int[] shape = [.. factors.Select(f => f.Rows)];
        int cut = Cut(shape);
        Span<Matrix<double>> all = CollectionsMarshal.AsSpan(factors);
        using Matrix<double> left = KhatriRao.Of(all[..cut]), right = KhatriRao.Of(all[cut..]);
        Tensor dense = Tensor.Uninitialized(shape);
        Gemm.Multiply(1, left.View, right.Transposed, 0, dense.Matricize(cut), options, ct);
        return dense;
    }

    /// <summary>
    /// What is left of rows that belong to all indices of some modes, last fastest, when all modes but one are contracted with their
    /// factors: M(i, r) = sum of P(.., i, .., r) and the other factors' A(j, r).
    /// </summary>
    /// <param name="partial">P, (product of the factors' rows) x R.</param>
    /// <param name="factors">Factors of these modes.</param>
    /// <param name="kept">Which of them is not contracted.</param>
    public static Matrix<double> Contract(Matrix<double> partial, ReadOnlySpan<Matrix<double>> factors, int kept)
    {
        Matrix<double> result = partial;
        // From the last mode to the first: those after the kept one are gone by the time that those before it come.
        for (int m = factors.Length - 1; m >= 0; m--)
        {
            if (m == kept)
                continue;
            Matrix<double> old = result;
            result = ContractMode(old, factors[m], m < kept ? factors[kept].Rows : 1);
            if (!ReferenceEquals(old, partial))
                old.Dispose();
        }
        return ReferenceEquals(result, partial) ? partial.Copy() : result;
    }

    // P as (before, size, after) rows: sums over the middle index.
    private static Matrix<double> ContractMode(Matrix<double> rows, Matrix<double> factor, int after)
    {
        int before = rows.Rows / (factor.Rows * after);
        Matrix<double> sums = new(before * after, rows.Columns);
        for (int b = 0; b < before; b++)
        {
            for (int i = 0; i < factor.Rows; i++)
            {
                ReadOnlySpan<double> weight = factor.Row(i);
                for (int a = 0; a < after; a++)
                    RowProducts.AddProduct(rows.Row((((b * factor.Rows) + i) * after) + a), weight, sums.Row((b * after) + a));
            }
        }
        return sums;
    }
}
