using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Rescal;

/// <summary>
/// One orthonormal Q (n x r) for both sides of square matrices X_k: it makes sum ||Q^T X_k Q||^2 large, so that Q R_k Q^T with R_k = Q^T X_k Q is near X_k. A step
/// is that of least squares for one side of RESCAL (Nickel, Tresp, Kriegel, 2011), of which only the subspace counts.
/// </summary>
internal sealed class CommonSubspace : IDisposable
{
    private readonly List<double> _errors = [];

    private CommonSubspace(Matrix<double> basis, Tensor cores) => (Basis, Cores) = (basis, cores);

    /// <summary>Q^T, r x n.</summary>
    public Matrix<double> Basis { get; private set; }

    /// <summary>R_k, K x r x r.</summary>
    public Tensor Cores { get; private set; }

    /// <summary>||X - X'|| / ||X|| after the start and each step.</summary>
    public IReadOnlyList<double> Errors => _errors;

    /// <summary>Whether the last step changed less than was asked.</summary>
    public bool Converged { get; private set; }

    /// <summary>Finds the subspace.</summary>
    /// <param name="tensor">X, K x n x n.</param>
    /// <param name="rank">r, at most n.</param>
    /// <param name="start">0 for the leading subspace of all X_k and X_k^T side by side, others for random ones.</param>
    /// <param name="sweeps">Most steps.</param>
    /// <param name="rest">Change of the error below which it rests.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="ct">Stops the computation.</param>
    public static CommonSubspace Of(Tensor tensor, int rank, int start, int sweeps, double rest, ComputeOptions options, CancellationToken ct)
    {
        EmbeddedEngine engine = new(options);
        double norm = tensor.SquaredNorm();
        Matrix<double> basis = start == 0 ? Leading(tensor, rank, options, ct) : Random(engine, tensor.Shape[1], rank, options.Seed + (ulong)start, ct);
        CommonSubspace found = new(basis, Project(tensor, basis, options, ct));
        found._errors.Add(found.Error(norm));
        while (!found.Converged && found._errors.Count <= sweeps)
        {
            Matrix<double> next = Step(engine, tensor, found, options, ct);
            Tensor cores = Project(tensor, next, options, ct);
            double before = found._errors[^1], after = norm == 0 ? 0 : Math.Sqrt(Math.Max(0, 1 - (cores.SquaredNorm() / norm)));
            found.Converged = before - after < rest;
            // A step that would not help is not made.
            if (after > before)
            {
                next.Dispose();
                cores.Dispose();
                break;
            }
            found.Basis.Dispose();
            found.Cores.Dispose();
            (found.Basis, found.Cores) = (next, cores);
            found._errors.Add(after);
        }
        return found;
    }

    public void Dispose()
    {
        Basis.Dispose();
        Cores.Dispose();
    }

    /// <summary>The slices as matrices, rows of all of them below one another.</summary>
    public static MatrixView<double> Slice(Tensor tensor, int k) => tensor.AsMatrix(tensor.Shape[0] * tensor.Shape[1], tensor.Shape[2]).Slice(k * tensor.Shape[1], 0, tensor.Shape[1], tensor.Shape[2]);

    private double Error(double norm) => norm == 0 ? 0 : Math.Sqrt(Math.Max(0, 1 - (Cores.SquaredNorm() / norm)));

    private static Tensor Project(Tensor tensor, Matrix<double> basis, ComputeOptions options, CancellationToken ct)
    {
        using Tensor half = ModeProduct.Multiply(tensor, 1, basis.View, options, ct);
        return ModeProduct.Multiply(half, 2, basis.View, options, ct);
    }

    // The range of sum over k of X_k Q R_k^T + X_k^T Q R_k.
    private static Matrix<double> Step(ITensorEngine engine, Tensor tensor, CommonSubspace found, ComputeOptions options, CancellationToken ct)
    {
        int size = tensor.Shape[1], rank = found.Basis.Rows;
        using Matrix<double> sum = new(size, rank), mixed = Matrix<double>.Uninitialized(size, rank);
        for (int k = 0; k < tensor.Shape[0]; k++)
        {
            MatrixView<double> x = Slice(tensor, k), r = Slice(found.Cores, k);
            Gemm.Multiply(1, found.Basis.Transposed, r.Transpose(), 0, mixed.View, options, ct);
            Gemm.Multiply(1, x, mixed.View, 1, sum.View, options, ct);
            Gemm.Multiply(1, found.Basis.Transposed, r, 0, mixed.View, options, ct);
            Gemm.Multiply(1, x.Transpose(), mixed.View, 1, sum.View, options, ct);
        }
        return Orthonormal(engine, sum, ct);
    }

    private static Matrix<double> Leading(Tensor tensor, int rank, ComputeOptions options, CancellationToken ct)
    {
        int count = tensor.Shape[0], size = tensor.Shape[1];
        using Matrix<double> beside = Matrix<double>.Uninitialized(size, checked(2 * count * size));
        for (int k = 0; k < count; k++)
        {
            Slice(tensor, k).CopyTo(beside.View.Slice(0, 2 * k * size, size, size));
            Slice(tensor, k).Transpose().CopyTo(beside.View.Slice(0, ((2 * k) + 1) * size, size, size));
        }
        using LeadingSubspace leading = LeadingSubspace.Of(beside.View, null, rank, options, ct);
        return leading.Basis.Copy();
    }

    private static Matrix<double> Random(ITensorEngine engine, int size, int rank, ulong seed, CancellationToken ct)
    {
        using Matrix<double> random = Matrix<double>.Uninitialized(size, rank);
        new DeterministicRandom(seed).FillGaussian(random);
        return Orthonormal(engine, random, ct);
    }

    private static Matrix<double> Orthonormal(ITensorEngine engine, Matrix<double> columns, CancellationToken ct)
    {
        (Matrix<double> qt, Matrix<double> r) = SmallFactorizations.Qr(engine, columns.View, ct);
        r.Dispose();
        return qt;
    }
}
