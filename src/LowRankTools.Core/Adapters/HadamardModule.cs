using LowRankTools.Core.Layers;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// LoHa (Hyeon-Woo and others, FedPara, 2022): Delta = s (B1 A1) o (B2 A2), o elementwise. Row i of B is the Kronecker product of row i of B1 and
/// of B2, column j of A that of the columns of A1 and A2 (the Khatri-Rao products): then Delta = s B A, of rank at most r1 r2, and
/// no product of full size is formed. Where r1 r2 is not below the smaller side, the dense matrix is the smaller of the two.
/// </summary>
internal sealed class HadamardModule : ProductModule
{
    private static readonly string[] s_factors = ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"];

    private HadamardModule(TensorFile file, string name, IReadOnlyDictionary<string, TensorInfo> parts, double scaling)
        : base(file, name, parts, scaling)
    {
    }

    /// <inheritdoc/>
    public override long OutFeatures => Part(s_factors[0])!.Shape[0];

    /// <inheritdoc/>
    public override long[] Inputs => [Part(s_factors[1])!.Shape[1]];

    public static HadamardModule Of(TensorFile file, string name, IReadOnlyDictionary<string, TensorInfo> parts, Func<int?, double> scaling)
    {
        TensorInfo[] factors = [.. s_factors.Select(f => parts.GetValueOrDefault(f) ?? throw Invalid(file, name, $"has no '{f}'"))];
        if (parts.Count != factors.Length)
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{file.Path}: module '{name}' has '{parts.Keys.First(k => !s_factors.Contains(k))}', a core between factors, which is not worked on here.", "Train without Tucker cores, or merge it with the program that made it.");
        long[][] shapes = [.. factors.Select(f => f.Shape.ToArray())];
        if (shapes.Any(s => s.Length != 2) || shapes[0][1] != shapes[1][0] || shapes[2][1] != shapes[3][0] || shapes[0][0] != shapes[2][0] || shapes[1][1] != shapes[3][1])
            throw Invalid(file, name, "has factors of shapes " + string.Join(", ", factors.Select(f => (Dimensions)f.Shape)) + ", which make no product of two pairs");
        return new HadamardModule(file, name, parts, scaling(checked((int)shapes[1][0])));
    }

    /// <inheritdoc/>
    public override ComputedModule Truncate(AdapterRank rank, long[] inputs, CancellationToken cancellationToken)
    {
        using Matrix<float> b1 = Read(s_factors[0], cancellationToken), a1 = Read(s_factors[1], cancellationToken);
        using Matrix<float> b2 = Read(s_factors[2], cancellationToken), a2 = Read(s_factors[3], cancellationToken);
        bool dense = (long)b1.Columns * b2.Columns >= Math.Min(b1.Rows, a1.Columns);
        using Matrix<float> b = dense ? Identity(b1.Rows) : Rows(b1, b2), a = dense ? Product(b1, a1, b2, a2, cancellationToken) : Columns(a1, a2);
        AdapterFactors.Scale(b, Scaling);
        FactoredSvdResult svd = FactoredSvd.Compute(b.View, a.View, rank.Choose, new ComputeOptions { ThreadCount = 1 }, cancellationToken);
        AdapterFactors made = new() { Name = Name, A = svd.Right, B = svd.Left, Inputs = inputs };
        return Computed(made, Math.Min(b1.Columns * b2.Columns, Math.Min(b1.Rows, a1.Columns)), svd.Norm, svd.Norm == 0 ? 0 : svd.Error / svd.Norm);
    }

    private static Matrix<float> Rows(Matrix<float> x, Matrix<float> y)
    {
        Matrix<float> product = Matrix<float>.Uninitialized(x.Rows, x.Columns * y.Columns);
        for (int i = 0; i < x.Rows; i++)
        {
            for (int p = 0; p < x.Columns; p++)
            {
                for (int q = 0; q < y.Columns; q++)
                    product[i, p * y.Columns + q] = x[i, p] * y[i, q];
            }
        }
        return product;
    }

    private static Matrix<float> Columns(Matrix<float> x, Matrix<float> y)
    {
        Matrix<float> product = Matrix<float>.Uninitialized(x.Rows * y.Rows, x.Columns);
        for (int p = 0; p < x.Rows; p++)
        {
            for (int q = 0; q < y.Rows; q++)
            {
                Span<float> to = product.Row(p * y.Rows + q), left = x.Row(p), right = y.Row(q);
                for (int j = 0; j < to.Length; j++)
                    to[j] = left[j] * right[j];
            }
        }
        return product;
    }

    private static Matrix<float> Product(Matrix<float> b1, Matrix<float> a1, Matrix<float> b2, Matrix<float> a2, CancellationToken cancellationToken)
    {
        Matrix<float> product = Matrix<float>.Uninitialized(b1.Rows, a1.Columns);
        Gemm.Multiply(1, b1.View, a1.View, 0, product.View, null, cancellationToken);
        using Matrix<float> other = Matrix<float>.Uninitialized(b1.Rows, a1.Columns);
        Gemm.Multiply(1, b2.View, a2.View, 0, other.View, null, cancellationToken);
        for (int i = 0; i < product.Rows; i++)
        {
            Span<float> to = product.Row(i), by = other.Row(i);
            for (int j = 0; j < to.Length; j++)
                to[j] *= by[j];
        }
        return product;
    }

    private static Matrix<float> Identity(int size)
    {
        Matrix<float> identity = new(size, size);
        for (int i = 0; i < size; i++)
            identity[i, i] = 1;
        return identity;
    }
}
