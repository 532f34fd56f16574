using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorTrainMatrices;

/// <summary>
/// A matrix (m x n) as a tensor train: rows and columns are counted by several digits, i = (i_1, ..., i_d) and j = (j_1, ..., j_d), and
/// A(i, j) = G_1(i_1, j_1) ... G_d(i_d, j_d) (Oseledets, "Approximation of 2^d x 2^d matrices using tensor decomposition", 2010). The factors
/// <c>core0</c>, <c>core1</c>, ... have the shapes (r_(k-1), m_k, n_k, r_k); the ranks are r_1 to r_(d-1), and how many there are says how the
/// sides are split.
/// </summary>
public sealed class TensorTrainMatrix : Decomposition
{
    private readonly Tensor[] _cores;

    internal TensorTrainMatrix(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors)
        : base(shape, ranks, factors) => _cores = [.. factors.Select(f => f.Values)];

    /// <inheritdoc/>
    public override string Method => TensorTrainMatrixMethod.MethodName;

    /// <summary>G_1 to G_d.</summary>
    public IReadOnlyList<Tensor> Cores => _cores;

    /// <summary>TT-SVD of a matrix whose sides are split into modes.</summary>
    internal static TensorTrainMatrix Near(Tensor matrix, int[] rows, int[] columns, double? tolerance, int[] most, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        // From (i_1 i_2 ..., j_1 j_2 ...) to (i_1 j_1, i_2 j_2, ...).
        int[] order = [.. Enumerable.Range(0, rows.Length).SelectMany(k => new[] { k, rows.Length + k })];
        using Tensor interleaved = TensorTranspose.Of(matrix, [.. rows, .. columns], order, [.. rows.Select((m, k) => m * columns[k])]);
        using TensorTrain train = TensorTrainSvd.Decompose(interleaved, tolerance, most, options, progress, ct);
        NamedFactor[] cores = [.. train.Cores.Select((c, k) => new NamedFactor($"core{k}", c.Copy(c.Shape[0], rows[k], columns[k], c.Shape[2])))];
        return new TensorTrainMatrix(matrix.Shape, train.Ranks, cores) { RelativeError = train.RelativeError };
    }

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        using TensorTrain train = new([.. _cores.Select(c => c.Copy(c.Shape[0], c.Shape[1] * c.Shape[2], c.Shape[3]))]);
        using Tensor digits = train.ToDense(options, ct);
        // From (i_1 j_1, i_2 j_2, ...) to (i_1 i_2 ..., j_1 j_2 ...).
        int[] split = [.. _cores.SelectMany(c => new[] { c.Shape[1], c.Shape[2] })];
        int[] order = [.. Enumerable.Range(0, _cores.Length).Select(k => 2 * k), .. Enumerable.Range(0, _cores.Length).Select(k => (2 * k) + 1)];
        return TensorTranspose.Of(digits, split, order, [.. Shape]);
    }

    /// <summary>A X without forming A: core after core takes its digit of the rows of X.</summary>
    /// <param name="x">X, n x p, any strides.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>m x p.</returns>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public Matrix<double> Multiply(MatrixView<double> x, ComputeOptions? options = null, CancellationToken ct = default)
    {
        if (x.Rows != Shape[1])
            throw TensorShapes.Mismatch($"A matrix of {x.Rows} rows is not multiplied by one of {Shape[1]} columns.");
        int count = x.Columns;
        // (r j_k, the digits still to come and those done): the digit at hand leads, its new one goes to the end.
        Tensor state = Tensor.From(x, x.Rows, count);
        int done = 1;
        foreach (Tensor core in _cores)
        {
            (int left, int rows, int columns, int right) = (core.Shape[0], core.Shape[1], core.Shape[2], core.Shape[3]);
            using Tensor old = state;
            int rest = old.Length / (left * columns);
            using Tensor matrix = TensorTranspose.Of(core, core.Shape, [3, 1, 0, 2], [right * rows, left * columns]);
            using Tensor product = Tensor.Uninitialized(right, rows, rest);
            Gemm.Multiply(1, matrix.Matricize(1), old.AsMatrix(left * columns, rest), 0, product.AsMatrix(right * rows, rest), options, ct);
            // Columns of rest: (digits to come, digits done, p); the new digit goes behind those done.
            int coming = rest / (done * count);
            state = TensorTranspose.Of(product, [right, rows, coming, done, count], [0, 2, 3, 1, 4], [right * coming, done * rows * count]);
            done *= rows;
        }
        using (state)
            return state.AsMatrix(Shape[0], count).ToMatrix();
    }
}
