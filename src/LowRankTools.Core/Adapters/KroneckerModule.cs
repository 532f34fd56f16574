using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// LoKr (Edalati and others, KronA, 2022): Delta = s W1 (x) W2, either matrix whole or a pair. With W1 = U1 S1 V1^T and W2 = U2 S2 V2^T, the singular values
/// of W1 (x) W2 are all products of theirs, and its vectors the Kronecker products of theirs: two small decompositions are that of the whole.
/// </summary>
internal sealed class KroneckerModule : ProductModule
{
    private readonly (long Out, long[] In) _first, _second;

    private KroneckerModule(TensorFile file, string name, IReadOnlyDictionary<string, TensorInfo> parts, double scaling, (long, long[]) first, (long, long[]) second)
        : base(file, name, parts, scaling)
    {
        _first = first;
        _second = second;
    }

    /// <inheritdoc/>
    public override long OutFeatures => _first.Out * _second.Out;

    /// <inheritdoc/>
    public override long[] Inputs => [_first.In[0] * _second.In[0], .. _second.In[1..]];

    public static KroneckerModule Of(TensorFile file, string name, IReadOnlyDictionary<string, TensorInfo> parts, Func<int?, double> scaling)
    {
        if (parts.ContainsKey("lokr_t2"))
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{file.Path}: module '{name}' has 'lokr_t2', a core between factors, which is not worked on here.", "Train without Tucker cores, or merge it with the program that made it.");
        (long Out, long[] In) first = ShapeOf(file, name, parts, "lokr_w1"), second = ShapeOf(file, name, parts, "lokr_w2");
        if (first.In.Length != 1)
            throw Invalid(file, name, "has a first matrix that is none");
        TensorInfo? inner = parts.GetValueOrDefault("lokr_w1_b") ?? parts.GetValueOrDefault("lokr_w2_b");
        return new KroneckerModule(file, name, parts, scaling(inner is null ? null : checked((int)inner.Shape[0])), first, second);
    }

    /// <inheritdoc/>
    public override ComputedModule Truncate(AdapterRank rank, long[] inputs, CancellationToken cancellationToken)
    {
        using TruncatedSvdResult first = Decomposed("lokr_w1", cancellationToken), second = Decomposed("lokr_w2", cancellationToken);
        double[] x = first.SingularValues, y = second.SingularValues;
        // Ties are taken in one order, so that a run gives the same factors each time.
        (double Value, int First, int Second)[] all = [.. x.SelectMany((s, i) => y.Select((t, j) => (s * t * Math.Abs(Scaling), i, j))).OrderByDescending(p => p.Item1).ThenBy(p => p.i).ThenBy(p => p.j)];
        int kept = rank.Choose([.. all.Select(p => p.Value)]);
        AdapterFactors made = new()
        {
            Name = Name, Inputs = inputs,
            A = Matrix<float>.Uninitialized(kept, first.Vt.Columns * second.Vt.Columns), B = Matrix<float>.Uninitialized(first.U.Rows * second.U.Rows, kept),
        };
        for (int k = 0; k < kept; k++)
            Fill(made, k, first, second, all[k]);
        double norm = Math.Sqrt(all.Sum(p => p.Value * p.Value)), lost = Math.Sqrt(all.Skip(kept).Sum(p => p.Value * p.Value));
        return Computed(made, all.Length, norm, norm == 0 ? 0 : lost / norm);
    }

    // The root of the singular value goes to either factor, the scale's sign to the outputs.
    private void Fill(AdapterFactors made, int component, TruncatedSvdResult first, TruncatedSvdResult second, (double Value, int First, int Second) part)
    {
        double root = Math.Sqrt(part.Value), sign = Math.Sign(Scaling);
        Span<float> row = made.A.Row(component), v = first.Vt.Row(part.First), w = second.Vt.Row(part.Second);
        for (int j = 0; j < row.Length; j++)
            row[j] = (float)(root * v[j / w.Length] * w[j % w.Length]);
        for (int i = 0; i < made.B.Rows; i++)
            made.B[i, component] = (float)(sign * root * first.U[i / second.U.Rows, part.First] * second.U[i % second.U.Rows, part.Second]);
    }

    private TruncatedSvdResult Decomposed(string matrix, CancellationToken cancellationToken)
    {
        using Matrix<float> whole = Part(matrix) is not null ? Read(matrix, cancellationToken) : Multiplied(matrix, cancellationToken);
        return MatrixSvd.Compute(whole.View, new RankTarget.Rank(whole.View.SmallerSide), new SvdOptions { Accuracy = SvdAccuracy.Exact, ThreadCount = 1 }, null, cancellationToken);
    }

    private Matrix<float> Multiplied(string matrix, CancellationToken cancellationToken)
    {
        using Matrix<float> b = Read(matrix + "_a", cancellationToken), a = Read(matrix + "_b", cancellationToken);
        Matrix<float> product = Matrix<float>.Uninitialized(b.Rows, a.Columns);
        Gemm.Multiply(1, b.View, a.View, 0, product.View, null, cancellationToken);
        return product;
    }

    private static (long Out, long[] In) ShapeOf(TensorFile file, string name, IReadOnlyDictionary<string, TensorInfo> parts, string matrix)
    {
        if (parts.TryGetValue(matrix, out TensorInfo? whole) && whole.Shape.Length >= 2)
            return (whole.Shape[0], [.. whole.Shape[1..]]);
        if (parts.TryGetValue(matrix + "_a", out TensorInfo? b) && parts.TryGetValue(matrix + "_b", out TensorInfo? a) && b.Shape.Length == 2 && a.Shape.Length >= 2 && b.Shape[1] == a.Shape[0])
            return (b.Shape[0], [.. a.Shape[1..]]);
        throw Invalid(file, name, $"has neither '{matrix}' nor a pair for it whose shapes fit");
    }
}
