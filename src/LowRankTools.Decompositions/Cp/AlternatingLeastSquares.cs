using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Cp;

/// <summary>
/// ALS: in turns each factor becomes the least-squares solution for the others (Carroll and Chang, 1970; Harshman, 1970), or a better one
/// without negative entries. The modes are cut
/// in two, so that a sweep multiplies the tensor twice, however many modes it has (Phan, Tichavsky, Cichocki, 2013). The product that judges
/// a step beyond a sweep serves the next one.
/// </summary>
internal sealed class AlternatingLeastSquares : AcceleratedTurns
{
    // Below this error norms cancel, and the entries are compared instead.
    private const double Fine = 1e-6;

    private readonly Tensor _tensor;
    private readonly bool _nonNegative;
    private readonly ComputeOptions _options;
    private readonly CancellationToken _ct;
    private readonly double _norm;
    private readonly int _cut;
    private Matrix<double>? _kept;

    public AlternatingLeastSquares(Tensor tensor, bool nonNegative, ComputeOptions options, CancellationToken ct)
        : base(nonNegative)
    {
        (_tensor, _nonNegative, _options, _ct) = (tensor, nonNegative, options, ct);
        _norm = tensor.SquaredNorm();
        _cut = CpProducts.Cut(tensor.Shape);
    }

    private protected override bool IsBetter(CpFactors beyond)
    {
        Matrix<double> partial = LeftPartial(beyond);
        bool better = ErrorOf(beyond, partial) < Errors[^1];
        if (better)
            _kept = partial;
        else
            partial.Dispose();
        return better;
    }

    private protected override double Turn(CpFactors factors, double rest)
    {
        Matrix<double> partial = _kept ?? LeftPartial(factors);
        _kept = null;
        return Sweep(factors, partial);
    }

    // One update of every factor; takes the product of the tensor with the trailing ones.
    private double Sweep(CpFactors factors, Matrix<double> leftPartial)
    {
        using (leftPartial)
        {
            for (int n = 0; n < _cut; n++)
                Update(factors, n, CpProducts.Contract(leftPartial, factors.Range(0, _cut), n));
        }
        using Matrix<double> leading = KhatriRao.Of(factors.Range(0, _cut));
        using Matrix<double> rightPartial = Matrix<double>.Uninitialized(_tensor.Matricize(_cut).Columns, factors.Rank);
        Gemm.Multiply(1, _tensor.Matricize(_cut).Transpose(), leading.View, 0, rightPartial.View, _options, _ct);
        double inner = 0;
        for (int n = _cut; n < _tensor.Order; n++)
            inner = Update(factors, n, CpProducts.Contract(rightPartial, factors.Range(_cut, _tensor.Order), n - _cut));
        return Error(factors, inner);
    }

    // Returns <X, X'> with the new factor, which is right for the last mode, whose lengths stay in.
    private double Update(CpFactors factors, int mode, Matrix<double> projected)
    {
        using (projected)
        using (Matrix<double> gram = factors.GramWithout(mode))
        {
            Matrix<double> solution = _nonNegative
                ? HierarchicalUpdate.Solve(factors.Matrices[mode], projected, gram)
                : NormalEquations.Solve(projected, gram, _options, _ct);
            double inner = Sums.OfProducts(projected.RowBlock(0, projected.Rows), solution.RowBlock(0, solution.Rows));
            factors.Replace(mode, solution);
            return inner;
        }
    }

    // X times the Khatri-Rao product of the trailing factors: rows for all indices of the leading modes.
    private Matrix<double> LeftPartial(CpFactors factors)
    {
        using Matrix<double> trailing = KhatriRao.Of(factors.Range(_cut, _tensor.Order));
        MatrixView<double> unfolded = _tensor.Matricize(_cut);
        Matrix<double> partial = Matrix<double>.Uninitialized(unfolded.Rows, factors.Rank);
        Gemm.Multiply(1, unfolded, trailing.View, 0, partial.View, _options, _ct);
        return partial;
    }

    private double ErrorOf(CpFactors factors, Matrix<double> leftPartial)
    {
        using Matrix<double> projected = CpProducts.Contract(leftPartial, factors.Range(0, _cut), 0);
        return Error(factors, Sums.OfProducts(projected.RowBlock(0, projected.Rows), factors.Matrices[0].RowBlock(0, projected.Rows)));
    }

    // ||X - X'||^2 = ||X||^2 - 2 <X, X'> + ||X'||^2.
    private double Error(CpFactors factors, double inner)
    {
        if (_norm == 0)
            return 0;
        double error = Math.Sqrt(Math.Max(0, _norm - (2 * inner) + factors.SquaredNorm()) / _norm);
        if (error >= Fine)
            return error;
        using Tensor dense = CpProducts.Dense(factors.Matrices, _options, _ct);
        return Math.Sqrt(Sums.OfSquaredDifferences(_tensor.Values, dense.Values) / _norm);
    }
}
