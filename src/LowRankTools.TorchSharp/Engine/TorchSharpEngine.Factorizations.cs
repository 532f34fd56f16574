using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>Factorizations: small ones in float64, and those of whole matrices in float32.</content>
public sealed partial class TorchSharpEngine
{
    /// <inheritdoc/>
    public (ITensor Q, ITensor R) Qr(ITensor a, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        return Run(() =>
        {
            (Tensor q, Tensor r) = linalg.qr(Finite(a, ScalarType.Float64));
            return ((ITensor)Fresh(q, Type(a.ElementType)), (ITensor)Fresh(r, Type(a.ElementType)));
        });
    }

    /// <inheritdoc/>
    public void OrthonormalizeRows(ITensor a, CancellationToken ct = default)
    {
        RequireMatrix(a);
        if (a.ElementType != ElementType.Float32) throw WrongType();
        if (a.Shape[0] > a.Shape[1]) throw Mismatch($"{Text(a)} has more rows than can be orthonormal.");
        ct.ThrowIfCancellationRequested();
        if (a.Length == 0) return;
        Run(() =>
        {
            Tensor wide = Finite(a, ScalarType.Float64);
            Mine(a).Open().copy_(ByCholesky(wide) ?? ByReflections(wide.div(Positive(wide.mul(wide).sum(1L, true).sqrt()))));
        });
    }

    // With D X of rows of length 1 and D X X^T D = L L^T, Q = (L^-1 D) X: products and small triangles only, which devices are fast at. It is
    // orthonormal but for rounding times the square of the condition of D X, and where that may be felt, once more mends it, up to conditions
    // of 1e8 (Yamamoto, Nakatsukasa, Yanagisawa and Fukaya, 2015); null elsewhere.
    private static Tensor? ByCholesky(Tensor rows)
    {
        const double Rounding = 2.3e-16, Unfelt = 1e-9;
        for (int pass = 0; pass < 2; pass++)
        {
            Tensor gram = rows.mm(rows.t()), lengths = Positive(gram.diagonal(0, 0, 1).sqrt());
            (Tensor l, Tensor info) = linalg.cholesky_ex(gram.div(lengths).div_(lengths.unsqueeze(1)));
            // The second one is near the identity, or the first lost too much.
            if (info.item<int>() != 0 || (pass == 1 && l.diagonal(0, 0, 1).sub(1).abs().max().item<double>() > 0.1)) return null;
            Tensor inverse = linalg.solve_triangular(l, eye(l.shape[0], dtype: ScalarType.Float64, device: l.device), upper: false);
            // At most the condition's square, as L has rows of length 1 too.
            double square = l.shape[0] * inverse.mul(inverse).sum().item<double>();
            inverse.div_(lengths);
            // As the rows lie.
            rows = rows.stride()[0] == 1 ? rows.t().mm(inverse.t()).t() : inverse.mm(rows);
            if (square * Rounding < Unfelt) break;
        }

        return rows;
    }

    // Lengths to divide by; what is zero then stays so.
    private static Tensor Positive(Tensor lengths) => lengths.add(lengths.eq(0).to(ScalarType.Float64));

    // Householder reflections in float32 need no more than rows of length 1.
    private static Tensor ByReflections(Tensor rows)
    {
        (Tensor q, Tensor r) = linalg.qr(rows.to(ScalarType.Float32).t());

        // R^T is the L of the contract once its diagonal is not negative; the sign of zero counts as positive.
        Tensor signs = r.diagonal(0, 0, 1).sign().mul(2).add(1).sign();
        return q.mul(signs).t();
    }

    /// <inheritdoc/>
    public ITensor Cholesky(ITensor a, CancellationToken ct = default)
    {
        RequireSquare(a);
        ct.ThrowIfCancellationRequested();
        return Run(() =>
        {
            (Tensor l, Tensor info) = linalg.cholesky_ex(Finite(a, ScalarType.Float64));
            if (info.item<int>() != 0)
                throw new LowRankToolsException("NotPositiveDefinite", $"The {Text(a)} matrix is not positive definite.", "Add a multiple of the identity, or use the eigen-decomposition.");
            return Fresh(l, Type(a.ElementType));
        });
    }

    /// <inheritdoc/>
    public (double[] Values, ITensor Vectors) SymmetricEigen(ITensor a, Func<double[], int>? choose = null, CancellationToken ct = default)
    {
        RequireSquare(a);
        ct.ThrowIfCancellationRequested();
        return Run(() =>
        {
            // Ascending, and the vectors as columns.
            (Tensor ascending, Tensor columns) = linalg.eigh(Finite(a, Type(a.ElementType)));
            double[] values = Values(ascending);
            Array.Reverse(values);
            int count = choose?.Invoke(values) ?? values.Length;
            Tensor rows = columns.narrow(1, values.Length - count, count).t();
            return (values, (ITensor)Fresh(count == 0 ? rows : rows.flip(0), Type(a.ElementType)));
        });
    }

    /// <inheritdoc/>
    public (ITensor U, double[] SingularValues, ITensor Vt) Svd(ITensor a, CancellationToken ct = default)
    {
        RequireMatrix(a);
        if (a.ElementType != ElementType.Float32) throw WrongType();
        ct.ThrowIfCancellationRequested();
        return Run(() =>
        {
            (Tensor u, Tensor s, Tensor vt) = linalg.svd(Finite(a, ScalarType.Float32), fullMatrices: false);
            return ((ITensor)Fresh(u, ScalarType.Float32), Values(s), (ITensor)Fresh(vt, ScalarType.Float32));
        });
    }

    /// <inheritdoc/>
    public ITensor Solve(ITensor a, ITensor b, CancellationToken ct = default)
    {
        RequireMatrix(b);
        if (a.Shape.Count != 2 || a.Shape[0] != b.Shape[0] || a.Shape[0] < a.Shape[1])
            throw Mismatch($"{Text(a)} X = {Text(b)} has no least-squares solution of full rank.");
        ct.ThrowIfCancellationRequested();
        return Run(() =>
        {
            (Tensor q, Tensor r) = linalg.qr(Finite(a, ScalarType.Float64));
            double[] diagonal = [.. Values(r.diagonal(0, 0, 1)).Select(Math.Abs)];
            if (diagonal.Length > 0 && diagonal.Min() <= diagonal.Length * 2.3e-16 * diagonal.Max())
                throw new LowRankToolsException("SingularMatrix", $"The {Text(a)} matrix has no full column rank.", "Use the singular value decomposition.");

            // R is triangular already, so that its LU factorization is R itself and the solution plain back substitution.
            return Fresh(linalg.solve(r, q.t().mm(Finite(b, ScalarType.Float64))), Type(a.ElementType));
        });
    }

    private static unsafe double[] Values(Tensor vector)
    {
        double[] values = new double[vector.numel()];
        Tensor host = vector.to(ScalarType.Float64).cpu().contiguous();
        fixed (double* pointer = values) HostMemory.Read(host, pointer);
        return values;
    }
}
