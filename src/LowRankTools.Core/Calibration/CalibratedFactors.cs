using System.Diagnostics;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>Makes a layer's pair from its weight and what a calibration knows of its inputs.</summary>
internal static class CalibratedFactors
{
    /// <summary>Factorizes a weight.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="weight">W as it is factorized: out x in for a linear map, entries x features for an embedding.</param>
    /// <param name="embedding">Whether the inputs are on the left.</param>
    /// <param name="calibration">What is known of the layer.</param>
    /// <param name="use">What of it is used.</param>
    /// <param name="rank">r, at most the smaller side.</param>
    /// <param name="split">Which factor is the long one.</param>
    /// <param name="storage">How the factors will be stored.</param>
    /// <param name="options">Seed, threads, accuracy.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>The pair, with its errors on the calibration inputs, on those held out, and of the weight itself.</returns>
    public static LayerFactors Compute(ITensorEngine engine, MatrixView<float> weight, bool embedding, LayerCalibration calibration, CalibrationOptions use,
        int rank, FactorSplit split, FactorStorage storage, SvdOptions options, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        double squaredNorm = Finite(engine, weight);
        MatrixView<float> outIn = embedding ? weight.Transpose() : weight;
        using CalibratedLayer layer = new(engine, outIn, calibration, use, cancellationToken);
        WeightedPair pair = layer.Solve(rank, options, cancellationToken);
        if (embedding)
            pair = pair.Transposed();
        using (pair)
        {
            pair.Split(split);
            Matrix<float> left = HostMatrix.Single(pair.Left.View), right = HostMatrix.Single(pair.Right.View);
            using ITensor? product = storage.Quantization is null ? null : FactorResidual.Product(engine, left, right, cancellationToken);
            using ITensor stored = engine.Load(weight);
            double? truncation = product is null ? null : FactorResidual.Relative(engine, stored, left, right, squaredNorm, cancellationToken);
            QuantizedMatrix? rightLevels = storage.Store(right, byColumns: embedding);
            if (use.Refit)
            {
                left.Dispose();
                left = Refitted(engine, layer, right, embedding, cancellationToken);
            }
            QuantizedMatrix? leftLevels = storage.Store(left, byColumns: false);
            (MatrixView<float> output, MatrixView<float> input) = embedding ? (right.Transposed, left.Transposed) : (left.View, right.View);
            double Error(InputGrams inputs) => CalibratedError.Relative(engine, outIn, output, input, inputs, cancellationToken);
            return new LayerFactors
            {
                Left = left,
                Right = right,
                LeftLevels = leftLevels,
                RightLevels = rightLevels,
                TruncationError = truncation,
                QuantizationError = product is null ? null : FactorResidual.Relative(engine, product, left, right, squaredNorm, cancellationToken),
                SquaredNorm = squaredNorm,
                RelativeError = FactorResidual.Relative(engine, stored, left, right, squaredNorm, cancellationToken),
                CalibratedError = Error(calibration.Inputs),
                HeldOutError = calibration.HeldOut is { } heldOut ? Error(heldOut) : null,
                Algorithm = Name(use, calibration, pair.Algorithm),
                Seconds = clock.Elapsed.TotalSeconds,
            };
        }
    }

    private static Matrix<float> Refitted(ITensorEngine engine, CalibratedLayer layer, Matrix<float> right, bool embedding, CancellationToken cancellationToken)
    {
        using Matrix<double> given = HostMatrix.Of(embedding ? right.Transposed : right.View);
        using Matrix<double> fitted = embedding
            ? FactorRefit.Right(engine, layer.Target, given, layer.Outputs, cancellationToken)
            : FactorRefit.Left(engine, layer.Target, given, layer.Inputs, cancellationToken);
        return HostMatrix.Single(embedding ? fitted.Transposed : fitted.View);
    }

    /// <summary>What found a pair, for people.</summary>
    internal static string Name(CalibrationOptions use, LayerCalibration calibration, string route)
    {
        string sides = use.Mode == CalibrationMode.Diagonal ? "input magnitudes" : use.Mode == CalibrationMode.Inputs || calibration.OutputGradients is null ? "inputs" : "inputs and gradients";
        string blended = use.Mode == CalibrationMode.Blended ? ", blended" : "";
        string sequential = use.Mode != CalibrationMode.Diagonal && calibration.Inputs.Cross is not null ? $", sequential{blended}" : "";
        return $"calibrated on {sides}{sequential} ({route}){(use.Refit ? ", refitted" : "")}";
    }

    /// <summary>||W||^2.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>.</exception>
    internal static double Finite(ITensorEngine engine, MatrixView<float> weight)
    {
        using ITensor loaded = engine.Load(weight);
        double squaredNorm = engine.SumOfSquares(loaded);
        return double.IsFinite(squaredNorm) ? squaredNorm
            : throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"The {weight.Rows}x{weight.Columns} matrix holds NaN or infinity.", "Repair or exclude this tensor.");
    }
}
