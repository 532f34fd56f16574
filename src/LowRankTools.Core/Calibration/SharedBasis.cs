using System.Diagnostics;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// One right factor for several weights of one shape, as all of it will be stored: W_i (m x n) ~= B_i (m x r) A (r x n), A the basis that they share and B_i their own
/// coefficients. Without a calibration the truncated singular value decomposition of [W_1; ...; W_g], whose summed squared error is the least possible.
/// </summary>
internal sealed class SharedBasis : IDisposable
{
    /// <summary>A, r x n.</summary>
    public required Matrix<float> Basis { get; init; }

    /// <summary>B_i, m x r each.</summary>
    public required IReadOnlyList<Matrix<float>> Coefficients { get; init; }

    /// <summary>What was measured of each layer.</summary>
    public required IReadOnlyList<MeasuredPair> Measured { get; init; }

    /// <summary>Computes it.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weights">W_i, m x n each, of finite numbers.</param>
    /// <param name="calibrations">What is known of each layer; null for the weights alone.</param>
    /// <param name="use">What of it is used; null with <paramref name="calibrations"/>.</param>
    /// <param name="rank">r, 1 to min(g m, n).</param>
    /// <param name="split">Where the singular values go.</param>
    /// <param name="storage">How the factors will be stored; not quantised.</param>
    /// <param name="svd">Seed, threads, accuracy.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static SharedBasis Compute(ITensorEngine engine, IReadOnlyList<MatrixView<float>> weights, IReadOnlyList<LayerCalibration>? calibrations, CalibrationOptions? use,
        int rank, FactorSplit split, FactorStorage storage, SvdOptions svd, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        (Matrix<float> basis, Matrix<float>[] coefficients, string algorithm) = calibrations is null
            ? Plain(engine, weights, rank, split, storage, svd, cancellationToken)
            : Calibrated(engine, weights, calibrations, use!, rank, split, storage, svd, cancellationToken);
        double seconds = clock.Elapsed.TotalSeconds / weights.Count;
        return new SharedBasis
        {
            Basis = basis,
            Coefficients = coefficients,
            Measured = [.. weights.Select((w, i) => Measure(w, i))],
        };

        MeasuredPair Measure(MatrixView<float> weight, int i)
        {
            using ITensor loaded = engine.Load(weight);
            double squaredNorm = engine.SumOfSquares(loaded);
            double? Error(InputGrams? inputs) => inputs is null ? null : CalibratedError.Relative(engine, weight, coefficients[i].View, basis.View, inputs, cancellationToken);
            return new MeasuredPair(FactorResidual.Relative(engine, loaded, coefficients[i], basis, squaredNorm, cancellationToken), squaredNorm, algorithm, seconds,
                Error(calibrations?[i].Inputs), Error(calibrations?[i].HeldOut));
        }
    }

    /// <summary>Singular values of the problem, descending, min(g m, n) of them: what ranks beyond r would add.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weights">W_i, m x n each.</param>
    /// <param name="calibrations">What is known of each layer; null for the weights alone.</param>
    /// <param name="use">What of it is used.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static double[] Values(ITensorEngine engine, IReadOnlyList<MatrixView<float>> weights, IReadOnlyList<LayerCalibration>? calibrations, CalibrationOptions? use, CancellationToken cancellationToken)
    {
        if (calibrations is not null)
        {
            using CalibratedGroup group = new(engine, weights, calibrations, use!, cancellationToken);
            return group.Problem.Values(cancellationToken);
        }
        using Matrix<float> stack = HostMatrix.Stack(weights);
        using ITensor loaded = engine.Load(stack.View);
        return SingularValues.Compute(engine, loaded, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Basis.Dispose();
        foreach (Matrix<float> own in Coefficients)
            own.Dispose();
    }

    private static (Matrix<float> Basis, Matrix<float>[] Coefficients, string Algorithm) Plain(ITensorEngine engine, IReadOnlyList<MatrixView<float>> weights,
        int rank, FactorSplit split, FactorStorage storage, SvdOptions svd, CancellationToken cancellationToken)
    {
        using Matrix<float> stack = HostMatrix.Stack(weights);
        LayerFactors factors = LayerFactors.Compute(engine, stack.View, rank, split, storage, embedding: false, svd, cancellationToken);
        using (factors.Left)
            return (factors.Right, Cut(factors.Left.View, weights.Count, part => part.ToMatrix()), Name(weights.Count, factors.Algorithm));
    }

    private static (Matrix<float> Basis, Matrix<float>[] Coefficients, string Algorithm) Calibrated(ITensorEngine engine, IReadOnlyList<MatrixView<float>> weights,
        IReadOnlyList<LayerCalibration> calibrations, CalibrationOptions use, int rank, FactorSplit split, FactorStorage storage, SvdOptions svd, CancellationToken cancellationToken)
    {
        using CalibratedGroup group = new(engine, weights, calibrations, use, cancellationToken);
        using WeightedPair pair = group.Problem.Solve(rank, svd, cancellationToken);
        pair.Split(split);
        Matrix<float> basis = HostMatrix.Single(pair.Right.View);
        storage.Store(basis, byColumns: false);
        Matrix<float>[] coefficients = use.Refit ? Refitted(engine, group, basis, cancellationToken) : Cut(pair.Left.View, weights.Count, HostMatrix.Single);
        foreach (Matrix<float> own in coefficients)
            storage.Store(own, byColumns: false);
        return (basis, coefficients, Name(weights.Count, CalibratedFactors.Name(use, calibrations[0], pair.Algorithm)));
    }

    /// <summary>The layers' coefficients fitted anew to the basis as it is stored, each on its own inputs: the sum of all inputs chose the basis, and none of them is fed with it.</summary>
    private static Matrix<float>[] Refitted(ITensorEngine engine, CalibratedGroup group, Matrix<float> basis, CancellationToken cancellationToken)
    {
        using Matrix<double> given = HostMatrix.Of(basis.View);
        return [.. group.Layers.Select(layer =>
        {
            using Matrix<double> fitted = FactorRefit.Left(engine, layer.Target, given, layer.Inputs, cancellationToken);
            return HostMatrix.Single(fitted.View);
        })];
    }

    private static Matrix<float>[] Cut<T>(MatrixView<T> stack, int count, Func<MatrixView<T>, Matrix<float>> copy)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        int rows = stack.Rows / count;
        return [.. Enumerable.Range(0, count).Select(i => copy(stack.Slice(i * rows, 0, rows, stack.Columns)))];
    }

    private static string Name(int layers, string route) => $"shared by {layers}, {route}";
}
