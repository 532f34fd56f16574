using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorTrains;

/// <summary>
/// A tensor train: X(i_1, ..., i_d) = G_1(i_1) G_2(i_2) ... G_d(i_d), where G_k(i) is an r_(k-1) x r_k matrix and r_0 = r_d = 1 (Oseledets,
/// "Tensor-train decomposition", 2011). The factors <c>core0</c>, <c>core1</c>, ... have the shapes (r_(k-1), n_k, r_k); the ranks are
/// r_1 to r_(d-1).
/// </summary>
public sealed class TensorTrain : Decomposition
{
    private readonly Tensor[] _cores;

    /// <summary>Makes a train of its cores, which it owns then.</summary>
    /// <param name="cores">G_1 to G_d, of three modes each.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: the cores do not fit one another.</exception>
    public TensorTrain(params IReadOnlyList<Tensor> cores)
        : base(Checked(cores).Select(c => c.Shape[1]).ToArray(), cores.Skip(1).Select(c => c.Shape[0]).ToArray(), [.. cores.Select((c, k) => new NamedFactor($"core{k}", c))]) =>
        _cores = [.. cores];

    /// <inheritdoc/>
    public override string Method => TensorTrainMethod.MethodName;

    /// <summary>G_1 to G_d.</summary>
    public IReadOnlyList<Tensor> Cores => _cores;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        // Rows: all modes so far together; columns: the rank that is open to the right.
        Tensor product = _cores[0].Copy(_cores[0].Shape[1], _cores[0].Shape[2]);
        foreach (Tensor core in _cores.AsSpan(1))
        {
            using Tensor left = product;
            product = Tensor.Uninitialized(checked(left.Shape[0] * core.Shape[1]), core.Shape[2]);
            Gemm.Multiply(1, left.Matricize(1), core.Matricize(1), 0, product.AsMatrix(left.Shape[0], core.Shape[1] * core.Shape[2]), options, ct);
        }
        using (product)
            return product.Copy([.. Shape]);
    }

    /// <summary>The sum of this train and a multiple of another: ranks add up, entries are exact.</summary>
    /// <param name="other">Y, of the same shape.</param>
    /// <param name="factor">f of X + f Y.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public TensorTrain Add(TensorTrain other, double factor = 1)
    {
        RequireShapeOf(other);
        return new TensorTrain([.. _cores.Select((c, k) => Beside(c, other._cores[k], k == 0, k == _cores.Length - 1, k == 0 ? factor : 1))]);
    }

    /// <summary>The product entry by entry (Hadamard), X(i) Y(i): ranks multiply, entries are exact. <see cref="Round"/> makes the ranks small again.</summary>
    /// <param name="other">Y, of the same shape.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public TensorTrain Multiply(TensorTrain other)
    {
        RequireShapeOf(other);
        return new TensorTrain([.. _cores.Select((c, k) => Kronecker(c, other._cores[k]))]);
    }

    /// <summary>The inner product of two tensors of one shape, sum of X(i) Y(i), in the ranks' cost.</summary>
    /// <param name="other">Y.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public double Dot(TensorTrain other, ComputeOptions? options = null, CancellationToken ct = default)
    {
        RequireShapeOf(other);
        // W(a, b): everything to the left contracted, between rank a of this train and rank b of the other.
        Matrix<double> w = Matrix<double>.From(1, 1, [1]);
        for (int k = 0; k < _cores.Length; k++)
        {
            using Matrix<double> old = w;
            Tensor x = _cores[k], y = other._cores[k];
            using Matrix<double> half = Matrix<double>.Uninitialized(old.Rows, checked(y.Shape[1] * y.Shape[2]));
            Gemm.Multiply(1, old.View, y.Matricize(1), 0, half.View, options, ct);
            w = Matrix<double>.Uninitialized(x.Shape[2], y.Shape[2]);
            Gemm.Multiply(1, x.Matricize(2).Transpose(), half.As(old.Rows * y.Shape[1], y.Shape[2]), 0, w.View, options, ct);
        }
        using (w)
            return w[0, 0];
    }

    /// <summary>A train of the least ranks that is no further from this one than the tolerance, <see cref="TensorTrainRounding"/>.</summary>
    /// <param name="tolerance">Largest relative error; null where only the ranks count.</param>
    /// <param name="mostRank">Largest rank.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>The train; its error is that against this one.</returns>
    public TensorTrain Round(double? tolerance, int mostRank = int.MaxValue, ComputeOptions? options = null, CancellationToken ct = default) =>
        TensorTrainRounding.Round(this, tolerance, mostRank, options ?? ComputeOptions.Default, ct);

    private void RequireShapeOf(TensorTrain other)
    {
        if (!Shape.SequenceEqual(other.Shape))
            throw TensorShapes.Mismatch($"{TensorShapes.Text([.. Shape])} and {TensorShapes.Text([.. other.Shape])} differ.");
    }

    // The cores side by side, or in the corners of a larger one.
    private static Tensor Beside(Tensor x, Tensor y, bool first, bool last, double factor)
    {
        int rows = first ? 1 : x.Shape[0] + y.Shape[0], columns = last ? 1 : x.Shape[2] + y.Shape[2], size = x.Shape[1];
        Tensor sum = new(rows, size, columns);
        Put(x, sum, 0, 0, 1);
        Put(y, sum, first ? 0 : x.Shape[0], last ? 0 : x.Shape[2], factor);
        return sum;
    }

    // For every index of the mode the Kronecker product of the two matrices.
    private static Tensor Kronecker(Tensor x, Tensor y)
    {
        int size = x.Shape[1], left = x.Shape[2], right = y.Shape[2];
        Tensor product = Tensor.Uninitialized(checked(x.Shape[0] * y.Shape[0]), size, checked(left * right));
        for (int row = 0; row < product.Shape[0] * size; row++)
        {
            int pair = row / size, i = row % size;
            ReadOnlySpan<double> a = x.Values.Slice(((pair / y.Shape[0] * size) + i) * left, left), b = y.Values.Slice(((pair % y.Shape[0] * size) + i) * right, right);
            Span<double> to = product.Values.Slice(row * left * right, left * right);
            for (int j = 0; j < to.Length; j++)
                to[j] = a[j / right] * b[j % right];
        }
        return product;
    }

    private static void Put(Tensor core, Tensor into, int firstRow, int firstColumn, double factor)
    {
        for (int i = 0; i < core.Shape[0] * core.Shape[1]; i++)
        {
            int row = ((firstRow + (i / core.Shape[1])) * core.Shape[1]) + (i % core.Shape[1]);
            ReadOnlySpan<double> from = core.Values.Slice(i * core.Shape[2], core.Shape[2]);
            Span<double> to = into.Values.Slice((row * into.Shape[2]) + firstColumn, core.Shape[2]);
            // First and last cores of trains of one mode lie on top of each other.
            for (int j = 0; j < from.Length; j++)
                to[j] += factor * from[j];
        }
    }

    private static IReadOnlyList<Tensor> Checked(IReadOnlyList<Tensor> cores)
    {
        bool fits = cores.Count > 0 && cores.All(c => c.Order == 3) && cores[0].Shape[0] == 1 && cores[^1].Shape[2] == 1
            && Enumerable.Range(1, cores.Count - 1).All(k => cores[k].Shape[0] == cores[k - 1].Shape[2]);
        return fits ? cores : throw TensorShapes.Mismatch($"{string.Join(", ", cores.Select(c => TensorShapes.Text([.. c.Shape])))} are no cores of a tensor train.");
    }
}
