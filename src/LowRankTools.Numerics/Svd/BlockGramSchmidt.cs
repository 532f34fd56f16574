using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Svd;

/// <summary>
/// Block Gram-Schmidt by Pythagoras (BCGS-PIP: Carson, Lund, Rozloznik, "The stability of block variants of classical
/// Gram-Schmidt", 2021): for orthonormal K, one product (K W)^T W gives what W has along K and, by subtraction, the Gram
/// matrix of the rest, whose Cholesky factor makes the rest orthonormal. Repeated until a pass finds nothing to do.
/// </summary>
internal sealed class BlockGramSchmidt : IDisposable
{
    private const int MostPasses = 5;

    // Of a column's square: with less of it outside the span of K, the subtraction leaves too few digits.
    private const double LeastShare = 0.02;

    // Of an orthonormal block, so little of its square along K that taking it away leaves it well apart.
    private const double Negligible = 1e-2;

    private readonly ITensorEngine _engine;
    private readonly ITensor _basis;
    private readonly ITensor _known;
    private readonly ITensor _block;
    private readonly ITensor _products;
    private readonly int _dimension;
    private readonly int _count;
    private readonly CancellationToken _ct;

    private BlockGramSchmidt(ITensorEngine engine, ITensor basis, int known, CancellationToken ct)
    {
        (_engine, _basis, _ct) = (engine, basis, ct);
        ITensor rows = engine.Transpose(basis);
        (_dimension, _count) = (known, basis.Shape[1] - known);
        _known = engine.Transpose(engine.Slice(rows, 0, known));
        _block = engine.Transpose(engine.Slice(rows, known, _count));
        _products = engine.Create(ElementType.Float32, basis.Shape[1], _count);
    }

    private ITensor Along => _engine.Slice(_products, 0, _dimension);

    /// <summary>Makes the last columns W of a basis (K W) orthonormal and orthogonal to K.</summary>
    /// <param name="engine">Engine that holds the basis.</param>
    /// <param name="basis">(K W), m x (known + count), float32; W is replaced.</param>
    /// <param name="known">Columns of K, orthonormal, at least one.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>K^T W (known x count) of the W that was given.</returns>
    /// <exception cref="LowRankToolsException">NonFiniteValues.</exception>
    public static double[] Extend(ITensorEngine engine, ITensor basis, int known, CancellationToken ct)
    {
        using var step = new BlockGramSchmidt(engine, basis, known, ct);
        double[] along = step.Measure();
        bool done = step.TryPass(along, out double distance);
        for (int pass = 1; pass < MostPasses && (!done || distance >= CholeskyQr.Near); pass++) done = step.TryPass(step.Measure(), out distance);
        if (!done || distance >= CholeskyQr.Near) step.OneAfterAnother();
        return along[..(known * step._count)];
    }

    /// <inheritdoc/>
    public void Dispose() => _products.Dispose();

    // K^T W above W^T W.
    private double[] Measure()
    {
        _engine.MatMul(1, _engine.Transpose(_basis), _block, 0, _products, _ct);
        return _engine.ToArray(_products);
    }

    // Takes away what W has along K; true when the rest could be made orthonormal too. The distance is that of the
    // measured products from those of an orthonormal basis.
    private bool TryPass(double[] measured, out double distance)
    {
        _engine.MatMul(-1, _known, Along, 1, _block, _ct);
        ITensor own = _engine.Slice(_products, _dimension, _count);
        _engine.MatMul(-1, _engine.Transpose(Along), Along, 1, own, _ct);
        distance = double.PositiveInfinity;
        if (InverseLengths(measured) is not { } scales || RestFactor(_engine.ToArray(own), scales) is not { } factor) return false;
        distance = Distance(measured, scales);
        using ITensor coefficients = _engine.From(factor, _count, _count), old = _engine.Copy(_block, ElementType.Float32);
        _engine.MatMul(1, old, coefficients, 0, _block, _ct);
        return true;
    }

    private double[]? InverseLengths(double[] measured)
    {
        double[] scales = new double[_count];
        for (int i = 0; i < _count; i++)
        {
            if (!CholeskyQr.TryInverseLength(measured[((_dimension + i) * _count) + i], out scales[i])) return null;
        }

        return scales;
    }

    // D L^-T for D S D = L L^T, S the Gram matrix of the rest.
    private float[]? RestFactor(double[] rest, double[] scales)
    {
        using Matrix<double> gram = Matrix<double>.Uninitialized(_count, _count);
        for (int i = 0; i < _count; i++)
        {
            for (int j = 0; j <= i; j++) gram[i, j] = rest[(i * _count) + j] * scales[i] * scales[j];
            if (gram[i, i] < LeastShare) return null;
        }

        using Matrix<double>? lower = CholeskyQr.TryFactor(gram, scales, threads: 1, _ct);
        if (lower is null) return null;
        float[] factor = new float[_count * _count];
        for (int i = 0; i < _count; i++)
        {
            for (int j = i; j < _count; j++) factor[(i * _count) + j] = (float)lower[j, i];
        }

        return factor;
    }

    private double Distance(double[] measured, double[] scales)
    {
        double worst = 0;
        for (int i = 0; i < _dimension + _count; i++)
        {
            // What is along K, then the Gram matrix below its diagonal.
            double scale = i < _dimension ? 1 : scales[i - _dimension];
            ReadOnlySpan<double> row = measured.AsSpan(i * _count, i < _dimension ? _count : i - _dimension);
            for (int j = 0; j < row.Length; j++) worst = Math.Max(worst, Math.Abs(row[j]) * scale * scales[j]);
        }

        return worst;
    }

    // Where columns nearly depend on one another: projected and made orthonormal in turn, until a projection takes
    // nothing away. Where nothing but rounding is left of W, it may lie along K again and again.
    private void OneAfterAnother()
    {
        ITensor along = Along;
        for (int pass = 0; pass < MostPasses; pass++)
        {
            _engine.OrthonormalizeRows(_engine.Transpose(_block), _ct);
            _engine.MatMul(1, _engine.Transpose(_known), _block, 0, along, _ct);
            _engine.MatMul(-1, _known, along, 1, _block, _ct);
            if (_engine.SumOfSquares(along) < Negligible) break;
        }

        _engine.OrthonormalizeRows(_engine.Transpose(_block), _ct);
    }
}
