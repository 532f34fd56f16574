using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>How far a pair's outputs are from the layer's, on the inputs of Gram matrices.</summary>
internal static class CalibratedError
{
    private const int BlockElements = 1 << 20;

    /// <summary>
    /// ||W X - B A X~||_F / ||W X||_F (X~ = X where nothing before is compressed), zero where both are; a block of rows at a time.
    /// </summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, out x in.</param>
    /// <param name="left">B, out x r.</param>
    /// <param name="right">A, r x in.</param>
    /// <param name="inputs">The Gram matrices of X and X~.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    public static double Relative(ITensorEngine engine, MatrixView<float> weight, MatrixView<float> left, MatrixView<float> right, InputGrams inputs, CancellationToken cancellationToken) =>
        Relative(Squared(engine, weight, left, right, inputs, cancellationToken));

    /// <summary>The root of the share that is lost; zero where there was nothing to lose.</summary>
    /// <param name="squares">What <see cref="Squared"/> returns.</param>
    public static double Relative((double Lost, double Whole) squares) => squares.Whole <= 0 ? 0 : Math.Sqrt(Math.Max(squares.Lost, 0) / squares.Whole);

    /// <summary>||W X - B A X~||_F^2 and ||W X||_F^2.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W, out x in.</param>
    /// <param name="left">B, out x r.</param>
    /// <param name="right">A, r x in.</param>
    /// <param name="inputs">The Gram matrices of X and X~.</param>
    /// <param name="cancellationToken">Stops between blocks.</param>
    public static (double Lost, double Whole) Squared(ITensorEngine engine, MatrixView<float> weight, MatrixView<float> left, MatrixView<float> right, InputGrams inputs, CancellationToken cancellationToken)
    {
        using Matrix<double> wideRight = HostMatrix.Of(right);
        using ITensor a = engine.Load(wideRight.View);
        using Weight original = new(engine, inputs.Original), arriving = new(engine, inputs.Arriving);
        using ITensor? cross = inputs.Cross is null ? null : engine.Load(inputs.Cross.View);
        int step = Math.Clamp(BlockElements / Math.Max(1, weight.Columns), 1, Math.Max(1, weight.Rows));
        double difference = 0, norm = 0;
        for (int first = 0; first < weight.Rows; first += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = Math.Min(step, weight.Rows - first);
            using Matrix<double> block = HostMatrix.Of(weight.Slice(first, 0, rows, weight.Columns)), part = HostMatrix.Of(left.Slice(first, 0, rows, left.Columns));
            using ITensor w = engine.Load(block.View), b = engine.Load(part.View), approximate = engine.Create(ElementType.Float64, rows, weight.Columns);
            engine.MatMul(1, b, a, 0, approximate, cancellationToken);
            double squared = original.Inner(w, w, cancellationToken);
            norm += squared;
            if (cross is not null)
            {
                difference += squared - 2 * Weight.Inner(engine, w, cross, approximate, cancellationToken) + arriving.Inner(approximate, approximate, cancellationToken);
                continue;
            }
            engine.AddScaled(1, w, -1, approximate);
            difference += original.Inner(approximate, approximate, cancellationToken);
        }
        return (difference, norm);
    }

    /// <summary>A Gram matrix on the engine.</summary>
    private sealed class Weight : IDisposable
    {
        private readonly ITensorEngine _engine;
        private readonly double[]? _diagonal;
        private readonly ITensor? _dense;

        public Weight(ITensorEngine engine, Gram gram)
        {
            _engine = engine;
            _diagonal = gram.Diagonal;
            _dense = gram.Dense is { } dense ? engine.Load(dense.View) : null;
        }

        public void Dispose() => _dense?.Dispose();

        /// <summary>tr(X G Y^T).</summary>
        public double Inner(ITensor x, ITensor y, CancellationToken cancellationToken)
        {
            if (_dense is not null)
                return Inner(_engine, x, _dense, y, cancellationToken);
            using ITensor product = _engine.Combine(ElementOperation.Multiply, x, y), columns = _engine.Sum(product, 0);
            return _engine.ToArray(columns).Zip(_diagonal!, (sum, weight) => sum * weight).Sum();
        }

        /// <summary>tr(X C Y^T).</summary>
        public static double Inner(ITensorEngine engine, ITensor x, ITensor c, ITensor y, CancellationToken cancellationToken)
        {
            using ITensor xc = engine.Create(ElementType.Float64, x.Shape[0], c.Shape[1]);
            engine.MatMul(1, x, c, 0, xc, cancellationToken);
            using ITensor product = engine.Combine(ElementOperation.Multiply, xc, y), columns = engine.Sum(product, 0);
            return engine.ToArray(columns).Sum();
        }
    }
}
