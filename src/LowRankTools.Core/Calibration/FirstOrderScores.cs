using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Calibration;

/// <summary>
/// What the loss changes by, to first order, when a layer's truncation drops directions: W' = W - b a changes it by -b^T G a^T with G the loss's gradient at W. Of the
/// weighted truncation's directions b a (Left's column, Right's row) each counts by the magnitude |b^T G a^T|, so that opposite ones do not cancel
/// (ZS-SVD and IO-SVD, 2025, score singular directions so, after whitening).
/// </summary>
internal static class FirstOrderScores
{
    /// <summary>Sums of the scores of what is dropped.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="model">The model.</param>
    /// <param name="layer">A matrix of it whose gradient the file has.</param>
    /// <param name="file">The calibration.</param>
    /// <param name="use">Which truncation's directions are scored.</param>
    /// <param name="svd">Seed and accuracy where directions are those of a scaling.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <returns>For each number k of directions that are kept, in the truncation's order, the sum of the others' scores; min(out, in) + 1 entries, the last zero.</returns>
    /// <exception cref="LowRankToolsException"><c>CalibrationInvalid</c>, <c>NonFiniteValues</c>.</exception>
    public static double[] Compute(ITensorEngine engine, Model model, ModelLayer layer, CalibrationFile file, CalibrationOptions use, SvdOptions svd, CancellationToken cancellationToken)
    {
        using LayerCalibration calibration = file.Read(layer.Shape, engine, cancellationToken);
        using Matrix<double> gradient = file.ReadWeightGradient(layer.Shape, engine, cancellationToken);
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        MatrixView<float> outIn = layer.Shape.Orientation == WeightOrientation.InOut ? weight.Transposed : weight.View;
        return LayerMathematics.Named(model, layer, () =>
        {
            using CalibratedLayer calibrated = new(engine, outIn, calibration, use, cancellationToken);
            using WeightedPair pair = calibrated.Problem.Solve(Math.Min(outIn.Rows, outIn.Columns), svd, cancellationToken);
            return Tails(Of(engine, pair.Left, gradient, pair.Right, cancellationToken));
        });
    }

    /// <summary>|b_k^T G a_k^T| of each direction.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="left">B, m x r.</param>
    /// <param name="gradient">G, m x n.</param>
    /// <param name="right">A, r x n.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static double[] Of(ITensorEngine engine, Matrix<double> left, Matrix<double> gradient, Matrix<double> right, CancellationToken cancellationToken)
    {
        using ITensor b = engine.Load(left.View), g = engine.Load(gradient.View), product = engine.Create(ElementType.Float64, left.Columns, gradient.Columns);
        engine.MatMul(1, engine.Transpose(b), g, 0, product, cancellationToken);
        using Matrix<double> through = HostMatrix.Of(engine, product);
        double[] scores = new double[left.Columns];
        for (int k = 0; k < scores.Length; k++)
        {
            ReadOnlySpan<double> p = through.Row(k), a = right.Row(k);
            double sum = 0;
            for (int j = 0; j < a.Length; j++)
                sum += p[j] * a[j];
            scores[k] = Math.Abs(sum);
        }
        return scores;
    }

    private static double[] Tails(double[] scores)
    {
        double[] tails = new double[scores.Length + 1];
        for (int k = scores.Length - 1; k >= 0; k--)
            tails[k] = tails[k + 1] + scores[k];
        return tails;
    }
}
