using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Output;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Factorization;

/// <summary>Writes weights that stay dense with zeros for two of every four inputs, and measures what that loses.</summary>
internal static class DensePruner
{
    /// <summary>Whether a weight can have the pattern: a linear map of plain floats, its inputs in whole groups.</summary>
    public static bool CanPrune(ModelLayer layer) => layer.Shape is { Kind: LayerKind.Linear or LayerKind.AttentionPacked, IsMatrix: true, TiedTo: null, Rank: null, Shape.Count: 2 } shape
        && shape.InFeatures % TwoOfFour.Group == 0 && layer.Tensor.DType is TensorDType.F32 or TensorDType.F16 or TensorDType.BF16;

    /// <summary>Writes it.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>CalibrationInvalid</c>.</exception>
    public static MeasuredPair Write(FactorizationJob job, OutputItem.Pruned item, ModelOutput output, CancellationToken cancellationToken)
    {
        LayerShape shape = item.Layer.Shape;
        SvdOptions svd = job.Options.Svd;
        ITensorEngine engine = EngineSelector.Select(job.Options.Engine).Create(svd.ThreadCount, svd.Seed);
        using Matrix<float> weight = WeightMatrix.Read(job.Model.File, item.Layer.Tensor, cancellationToken), pruned = weight.Copy();
        using LayerCalibration? calibration = job.Calibrations?.Find(shape, engine, cancellationToken);
        bool turned = shape.Orientation == WeightOrientation.InOut;
        MatrixView<float> before = turned ? weight.Transposed : weight.View, after = turned ? pruned.Transposed : pruned.View;
        long zeroed = TwoOfFour.Apply(after, calibration is null ? null : calibration.Inputs.Original.Entry, cancellationToken);
        MatrixRows.Write(output, item.Spec, pruned.View, job.Model.Source.Path, cancellationToken);
        (double difference, double norm) = (0, 0);
        for (int i = 0; i < weight.Rows; i++)
        {
            ReadOnlySpan<float> own = weight.Row(i), left = pruned.Row(i);
            for (int j = 0; j < own.Length; j++)
                (difference, norm) = (difference + (left[j] == 0 ? (double)own[j] * own[j] : 0), norm + (double)own[j] * own[j]);
        }
        return new MeasuredPair(norm == 0 ? 0 : Math.Sqrt(difference / norm), norm, calibration is null ? "2:4 by magnitude" : "2:4 by calibrated magnitude", null,
            Error(calibration?.Inputs), Error(calibration?.HeldOut))
        { Zeroed = zeroed };

        double? Error(InputGrams? inputs)
        {
            if (inputs is null)
                return null;
            // What stands for W is W' times one: the measure is that of pairs.
            using Matrix<float> one = Matrix<float>.Uninitialized(before.Columns, before.Columns);
            for (int i = 0; i < one.Rows; i++)
            {
                one.Row(i).Clear();
                one[i, i] = 1;
            }
            return CalibratedError.Relative(engine, before, after, one.View, inputs, cancellationToken);
        }
    }
}
