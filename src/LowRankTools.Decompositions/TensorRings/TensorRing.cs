using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorRings;

/// <summary>
/// A tensor ring: X(i_1, ..., i_d) = trace(G_1(i_1) G_2(i_2) ... G_d(i_d)), where G_k(i) is an r_(k-1) x r_k matrix and r_d = r_0 (Zhao, Zhou,
/// Xie, Zhang, Cichocki, "Tensor ring decomposition", 2016). The factors <c>core0</c>, <c>core1</c>, ... have the shapes (r_(k-1), n_k, r_k);
/// the ranks are r_0 to r_(d-1).
/// </summary>
public sealed class TensorRing : Decomposition
{
    private readonly Tensor[] _cores;

    internal TensorRing(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors)
        : base(shape, ranks, factors) => _cores = [.. factors.Select(f => f.Values)];

    /// <inheritdoc/>
    public override string Method => TensorRingMethod.MethodName;

    /// <summary>G_1 to G_d.</summary>
    public IReadOnlyList<Tensor> Cores => _cores;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        // The trace is a sum of trains: each enters the first core by a row and leaves the last by the column of the same number.
        Tensor sum = new([.. Shape]);
        for (int a = 0; a < Ranks[0]; a++)
        {
            using TensorTrain train = new([Row(_cores[0], a), .. _cores[1..^1].Select(c => c.Copy()), Column(_cores[^1], a)]);
            using Tensor term = train.ToDense(options, ct);
            Span<double> to = sum.Values;
            ReadOnlySpan<double> from = term.Values;
            for (int i = 0; i < to.Length; i++)
                to[i] += from[i];
        }
        return sum;
    }

    private static Tensor Row(Tensor core, int a)
    {
        int length = core.Shape[1] * core.Shape[2];
        return Tensor.From(core.Values.Slice(a * length, length), 1, core.Shape[1], core.Shape[2]);
    }

    private static Tensor Column(Tensor core, int a)
    {
        MatrixView<double> column = core.Matricize(2).Slice(0, a, core.Shape[0] * core.Shape[1], 1);
        return Tensor.From(column, core.Shape[0], core.Shape[1], 1);
    }
}
