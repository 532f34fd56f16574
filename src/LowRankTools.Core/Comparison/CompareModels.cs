using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Comparison;

/// <summary>
/// Compares two models tensor by tensor, by name. Either may be factorized: its pairs are multiplied out as they are
/// compared, one at a time.
/// </summary>
/// <param name="withRank">Whether to find the rank of every difference, which costs its singular values.</param>
/// <param name="engine">What computes the singular values; null for <see cref="EngineChoice.Auto"/>.</param>
public sealed class CompareModels(bool withRank, EngineChoice? engine = null)
{
    /// <summary>Compares; the differences come one by one, those of the reference first in its order.</summary>
    /// <param name="reference">The model that is taken as true.</param>
    /// <param name="other">The model that is compared with it.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="cancellationToken">Stops between and inside tensors.</param>
    /// <exception cref="LowRankToolsException">A model is damaged, its record and factors disagree, or the engine is not there.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IEnumerable<TensorDifference> Run(ModelSource reference, ModelSource other, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        EngineSelector.Select(engine ?? EngineChoice.Auto);
        using Model a = Model.Open(reference);
        using Model b = Model.Open(other);
        List<DenseTensor> left = DenseTensors.List(a);
        Dictionary<string, DenseTensor> right = DenseTensors.List(b).ToDictionary(t => t.Name, StringComparer.Ordinal);
        for (int i = 0; i < left.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Comparing", left[i].Name, i, left.Count));
            yield return right.Remove(left[i].Name, out DenseTensor? match)
                ? Compare(a, left[i], b, match, cancellationToken)
                : Only(b, left[i], DifferenceStatus.OnlyInReference);
        }
        foreach (DenseTensor extra in right.Values)
            yield return Only(b, extra, DifferenceStatus.OnlyInModel);
    }

    private TensorDifference Compare(Model a, DenseTensor left, Model b, DenseTensor right, CancellationToken cancellationToken)
    {
        TensorDifference result = Only(b, left, DifferenceStatus.Changed);
        if (!left.Shape.Equals(right.Shape))
            return result with { Status = DifferenceStatus.ShapeDiffers };
        if (!IsReadable(left) || !IsReadable(right))
            return result with { Status = DifferenceStatus.NotComparable };
        using Matrix<float> delta = left.Read(a.File, cancellationToken);
        double squaredNorm = Norms.FrobeniusSquared(delta.View, null, cancellationToken);
        bool ranked = withRank && delta.Rows > 1 && delta.Columns > 1;
        RoundingNoise noise = default;
        double largest;
        using (Matrix<float> subtrahend = right.Read(b.File, cancellationToken))
        {
            if (ranked)
                noise = RoundingNoise.Larger(Noise(delta, left, right), Noise(subtrahend, left, right));
            largest = Subtract(delta, subtrahend);
        }
        double difference = Math.Sqrt(Norms.FrobeniusSquared(delta.View, null, cancellationToken));
        result = result with
        {
            Status = largest == 0 ? DifferenceStatus.Same : DifferenceStatus.Changed,
            MaxAbsoluteDifference = largest,
            RelativeError = difference == 0 ? 0 : difference / Math.Sqrt(squaredNorm),
        };
        return ranked && largest > 0 ? WithRank(result, delta, noise, cancellationToken) : result;
    }

    // What is rounded more coarsely makes the noise of the difference.
    private static RoundingNoise Noise(Matrix<float> values, DenseTensor left, DenseTensor right) =>
        RoundingNoise.Of(values, Coarser(left, right), hasFactors: left.Plain is null || right.Plain is null);

    private TensorDifference WithRank(TensorDifference result, Matrix<float> delta, RoundingNoise noise, CancellationToken cancellationToken)
    {
        if (!double.IsFinite(result.RelativeError!.Value))
            return result;
        DeltaSpectrum spectrum = DeltaSpectrum.Measure(EngineSelector.Select(engine ?? EngineChoice.Auto).Create(0, 0), delta, noise, cancellationToken);
        bool low = spectrum.Rank <= RankBounds.BreakEven(delta.Rows, delta.Columns);
        return result with
        {
            EffectiveRank = spectrum.EffectiveRank,
            DeltaRank = spectrum.Rank,
            DeltaEnergy = spectrum.Energy,
            IsLowRank = low,
            AdapterRank = low && spectrum.Rank > 0 && spectrum.RestIsRounding ? spectrum.Rank : null,
        };
    }

    /// <summary>Subtracts in place; returns the largest absolute difference, NaN where any is.</summary>
    private static double Subtract(Matrix<float> minuend, Matrix<float> subtrahend)
    {
        double largest = 0;
        for (int i = 0; i < minuend.Rows; i++)
        {
            Span<float> a = minuend.Row(i), b = subtrahend.Row(i);
            for (int j = 0; j < a.Length; j++)
            {
                a[j] -= b[j];
                largest = Math.Max(largest, Math.Abs((double)a[j])); // Max hands NaN on
            }
        }
        return largest;
    }

    private static TensorDType Coarser(DenseTensor a, DenseTensor b) =>
        a.DType.BlockBytes() / (double)a.DType.BlockElements() <= b.DType.BlockBytes() / (double)b.DType.BlockElements() ? a.DType : b.DType;

    private static bool IsReadable(DenseTensor tensor) => tensor.Plain is null || TensorConversion.IsReadable(tensor.Plain.DType);

    private static TensorDifference Only(Model model, DenseTensor tensor, DifferenceStatus status) => new()
    {
        Path = model.Source.Path,
        Name = tensor.Name,
        Shape = tensor.Shape,
        Status = status,
    };
}
