using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>One block's attention with narrower heads.</summary>
/// <param name="Weights">Each of its weights, outputs x inputs, and of its biases, a row, as they are now.</param>
/// <param name="Result">What it lost.</param>
internal sealed record FittedAttention(IReadOnlyDictionary<ModelLayer, Matrix<float>> Weights, ResizedPart Result) : IDisposable
{
    /// <summary>Share of the scores that went with pairs; null where none went.</summary>
    public double? LostScores { get; init; }

    /// <summary>Keeps chosen pairs of queries and keys, and fits narrower values and what reads them.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="model">The opened model.</param>
    /// <param name="part">The attention.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="pairs">Pairs of features that stay in queries and keys; null for all.</param>
    /// <param name="valueSize">Features of a head of values afterwards; null for as many as there are.</param>
    /// <param name="read">Reads what the calibration has on a weight.</param>
    /// <param name="options">Selection and damping.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static FittedAttention Compute(ITensorEngine engine, Model model, AttentionPart part, HeadShape shape, int[]? pairs, int? valueSize, Func<ModelLayer, LayerCalibration> read, ResizeOptions options, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        Matrix<float> Read(ModelLayer layer)
        {
            using Matrix<float> stored = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
            return (layer.Tensor.Shape.Length == 2 && layer.Shape.Orientation == WeightOrientation.InOut ? stored.Transposed : stored.View).ToMatrix();
        }
        Dictionary<ModelLayer, Matrix<float>> weights = new(ReferenceEqualityComparer.Instance);
        if (pairs is not null)
        {
            // Scores are over the root of the head's size: queries make up for the smaller one.
            float scale = (float)Math.Sqrt(2.0 * pairs.Length / shape.Size);
            foreach ((ModelLayer? layer, int heads, float factor) in new[] { (part.Query, shape.Heads, scale), (part.QueryBias, shape.Heads, scale), (part.Key, shape.KeyHeads, 1f), (part.KeyBias, shape.KeyHeads, 1f) })
            {
                if (layer is null)
                    continue;
                using Matrix<float> whole = Read(layer);
                weights[layer] = Pairs(whole, layer.Tensor.Shape.Length == 1, shape, heads, pairs, factor);
            }
        }
        ResizedPart result = new() { Name = part.Output.Shape.Name, CalibratedError = 0, Seconds = 0 };
        if (valueSize is { } kept)
        {
            using LayerCalibration fed = read(part.Output), source = read(part.Value);
            using Matrix<float> output = Read(part.Output), value = Read(part.Value);
            using Matrix<float>? bias = part.ValueBias is null ? null : Read(part.ValueBias), outputBias = part.OutputBias is null ? null : Read(part.OutputBias);
            FittedValues fitted = new ValueFit(engine, shape, kept, new ValueWeights(value, bias, output, outputBias), options, cancellationToken).Compute(fed, source);
            using Matrix<float> projection = fitted.Projection;
            foreach ((ModelLayer? layer, Matrix<float>? weight) in new[] { (part.Value, fitted.Value), (part.ValueBias, fitted.ValueBias), (part.Output, fitted.Output), (part.OutputBias, fitted.OutputBias) })
            {
                if (layer is not null)
                    weights[layer] = weight!;
            }
            double Error(Gram inputs) => CalibratedError.Relative(engine, output.View, fitted.Output.View, projection.View, new InputGrams(inputs), cancellationToken);
            result = result with { CalibratedError = Error(fed.Inputs.Original), HeldOutError = fed.HeldOut is { Original: { } heldOut } ? Error(heldOut) : null };
        }
        return new FittedAttention(weights, result with { Seconds = clock.Elapsed.TotalSeconds });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Matrix<float> weight in Weights.Values)
            weight.Dispose();
    }

    /// <summary>The rows, or a bias's entries, of chosen pairs of every head, times a factor.</summary>
    private static Matrix<float> Pairs(Matrix<float> whole, bool isBias, HeadShape shape, int heads, int[] pairs, float factor)
    {
        int size = 2 * pairs.Length;
        Matrix<float> kept = Matrix<float>.Uninitialized(isBias ? 1 : heads * size, isBias ? heads * size : whole.Columns);
        for (int head = 0; head < heads; head++)
        {
            for (int i = 0; i < size; i++)
            {
                (int pair, int second) = (i % pairs.Length, i / pairs.Length);
                int from = head * shape.Size + shape.Row(pairs[pair], second, shape.Size), to = head * size + shape.Row(pair, second, size);
                Span<float> target = isBias ? kept.Row(0).Slice(to, 1) : kept.Row(to);
                (isBias ? whole.Row(0).Slice(from, 1) : whole.Row(from)).CopyTo(target);
                foreach (ref float entry in target)
                    entry *= factor;
            }
        }
        return kept;
    }
}
