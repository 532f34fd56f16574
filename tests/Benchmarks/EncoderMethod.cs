using System.Runtime.InteropServices;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Benchmarks;

/// <summary>One way of truncating all matrices of a model, at any ranks.</summary>
/// <param name="model">The model.</param>
/// <param name="layers">Its matrices.</param>
/// <param name="use">The calibration; null for the weights alone.</param>
/// <param name="unseen">A calibration whose held-out part judges.</param>
internal sealed class EncoderMethod(Model model, List<ModelLayer> layers, CalibrationOptions? use, CalibrationFile unseen)
{
    private readonly EmbeddedEngine _engine = new();

    /// <summary>The ranks of least weighted loss that keep a share of the parameters; null for a matrix that stays dense.</summary>
    public int?[] Plan(double share)
    {
        using CalibrationFile? file = use is null ? null : CalibrationFile.Open(use.Path);
        RankChoices[] choices = [.. layers.Select(l => Choices(l, file))];
        RankSolution solution = RankSolver.Solve(choices, (long)(share * layers.Sum(l => l.Shape.Parameters)));
        return [.. choices.Select((c, i) => c.Rank(solution.Choices[i]))];
    }

    /// <summary>Writes the pairs of the given ranks; returns the errors of weights and of outputs on unseen sentences.</summary>
    public (double Weight, double Output) Write(int?[] ranks, string path)
    {
        List<(TensorSpec Spec, Matrix<float> Factor)> written = [];
        double weights = 0, outputs = 0;
        using CalibrationFile? file = use is null ? null : CalibrationFile.Open(use.Path);
        foreach ((ModelLayer layer, int? rank) in layers.Zip(ranks))
        {
            if (rank is not { } r)
                continue;
            using Matrix<float> stored = WeightMatrix.Read(model.File, layer.Tensor, default);
            MatrixView<float> weight = stored.Transposed;
            using LayerCalibration judge = unseen.Read(layer.Shape, _engine, default);
            using LayerCalibration? calibration = file?.Read(layer.Shape, _engine, default);
            LayerFactors factors = calibration is null
                ? LayerFactors.Compute(_engine, weight, r, FactorSplit.Balanced, new FactorStorage(TensorDType.F32, null), embedding: false, SvdOptions.Default, default)
                : CalibratedFactors.Compute(_engine, weight, embedding: false, calibration, use!, r, FactorSplit.Balanced, new FactorStorage(TensorDType.F32, null), SvdOptions.Default, default);
            weights += factors.RelativeError * factors.RelativeError;
            double output = CalibratedError.Relative(_engine, weight, factors.Left.View, factors.Right.View, judge.HeldOut!, default);
            outputs += output * output;
            PairNames names = new(layer.Shape.Name);
            written.Add((new TensorSpec(names.First, TensorDType.F32, [r, weight.Columns]), factors.Right));
            written.Add((new TensorSpec(names.Second, TensorDType.F32, [weight.Rows, r]), factors.Left));
        }
        Save(written, path);
        return (Math.Sqrt(weights / layers.Count), Math.Sqrt(outputs / layers.Count));
    }

    private RankChoices Choices(ModelLayer layer, CalibrationFile? file)
    {
        long outputs = layer.Shape.OutFeatures!.Value, inputs = layer.Shape.InFeatures!.Value;
        if (file is not null)
        {
            CalibratedSpectrum spectrum = CalibratedSpectrum.Compute(_engine, model, layer, file, use!, default);
            return RankChoices.Create(outputs, inputs, spectrum.Values, spectrum.Weight);
        }
        using Matrix<float> weight = WeightMatrix.Read(model.File, layer.Tensor, default);
        double[] values = SingularValues.Compute(weight.View);
        return RankChoices.Create(outputs, inputs, values, 1 / values.Sum(s => s * s));
    }

    private static void Save(List<(TensorSpec Spec, Matrix<float> Factor)> written, string path)
    {
        using SafetensorsModelWriter writer = new(path, written.Select(w => w.Spec), new Dictionary<string, string>());
        foreach ((TensorSpec spec, Matrix<float> factor) in written)
        {
            using (factor)
            {
                writer.Begin(spec);
                writer.Write(MemoryMarshal.AsBytes<float>(factor.ToArray()));
            }
        }
        writer.Complete();
    }
}
