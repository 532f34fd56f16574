using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorTrains;

/// <summary>
/// Rounding (Oseledets, 2011, algorithm 2): from right to left QR makes every core but the first orthonormal, so that the norm is in the
/// first; then from left to right each is truncated, as in TT-SVD, at the cost of the ranks and never of the dense tensor.
/// </summary>
internal static class TensorTrainRounding
{
    public static TensorTrain Round(TensorTrain train, double? tolerance, int most, ComputeOptions options, CancellationToken ct)
    {
        Tensor[] cores = [.. train.Cores.Select(c => c.Copy())];
        try
        {
            Orthogonalize(cores, options, ct);
            ErrorBudget budget = new(tolerance, cores[0].SquaredNorm(), cores.Length - 1);
            for (int k = 0; k < cores.Length - 1; k++)
            {
                using LeadingSubspace step = LeadingSubspace.Of(cores[k].Matricize(2), budget.Share, most, options, ct);
                budget.Spend(step.SquaredError);
                Replace(cores, k, Tensor.From(step.Basis.Transposed, cores[k].Shape[0], cores[k].Shape[1], step.Basis.Rows));
                MultiplyLeft(cores, k + 1, step.Coordinates.View, options, ct);
            }
            return new TensorTrain(cores) { RelativeError = budget.RelativeError };
        }
        catch
        {
            foreach (Tensor core in cores)
                core.Dispose();
            throw;
        }
    }

    private static void Orthogonalize(Tensor[] cores, ComputeOptions options, CancellationToken ct)
    {
        EmbeddedEngine engine = new(options);
        for (int k = cores.Length - 1; k > 0; k--)
        {
            // G (r x n r') = R^T Q^T of the QR decomposition of its transpose.
            (Matrix<double> qt, Matrix<double> r) = SmallFactorizations.Qr(engine, cores[k].Matricize(1).Transpose(), ct);
            using (qt)
            using (r)
            {
                Replace(cores, k, Tensor.From(qt.View, qt.Rows, cores[k].Shape[1], cores[k].Shape[2]));
                Tensor before = cores[k - 1];
                Tensor product = Tensor.Uninitialized(before.Shape[0], before.Shape[1], r.Rows);
                Gemm.Multiply(1, before.Matricize(2), r.Transposed, 0, product.Matricize(2), options, ct);
                Replace(cores, k - 1, product);
            }
        }
    }

    private static void MultiplyLeft(Tensor[] cores, int k, MatrixView<double> matrix, ComputeOptions options, CancellationToken ct)
    {
        Tensor product = Tensor.Uninitialized(matrix.Rows, cores[k].Shape[1], cores[k].Shape[2]);
        Gemm.Multiply(1, matrix, cores[k].Matricize(1), 0, product.Matricize(1), options, ct);
        Replace(cores, k, product);
    }

    private static void Replace(Tensor[] cores, int k, Tensor core)
    {
        cores[k].Dispose();
        cores[k] = core;
    }
}
