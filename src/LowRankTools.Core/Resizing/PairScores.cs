using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// What each pair of features, which rotary positions turn together, means to the scores of one block's attention. A head's feature of queries has the energy
/// [C_q]_jj over the calibration's tokens, C_q = W_q C W_q^T. By leverage a pair's score is ||C_q^1/2[:, j]||^2 ||C_k^1/2[:, j]||^2, both features of it taken together, summed over
/// heads: the column norms of MoDeGPT's type II (Lin et al., 2024), squared. By elimination it is the sum of [G_q]_jj [C_q]_jj, the change of the loss when the pair's part of all scores goes,
/// gradients G_q at the queries as the calibration has them.
/// </summary>
internal static class PairScores
{
    /// <summary>Scores of the pairs of one block.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="model">The opened model.</param>
    /// <param name="part">The attention.</param>
    /// <param name="fed">What queries and keys are computed from.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="byGradient">Whether gradients weigh; the calibration has them then.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static double[] Of(ITensorEngine engine, Model model, AttentionPart part, LayerCalibration fed, HeadShape shape, bool byGradient, CancellationToken cancellationToken)
    {
        double[] queries = Energies(engine, model, part.Query, part.QueryBias, fed, cancellationToken), scores = new double[shape.Size / 2];
        double[]? keys = byGradient ? null : Energies(engine, model, part.Key, part.KeyBias, fed, cancellationToken);
        for (int head = 0; head < shape.Heads; head++)
        {
            int own = head * shape.Size, shared = head / (shape.Heads / shape.KeyHeads) * shape.Size;
            for (int pair = 0; pair < scores.Length; pair++)
            {
                double query = 0, key = 0, weighted = 0;
                for (int second = 0; second < 2; second++)
                {
                    int row = shape.Row(pair, second, shape.Size);
                    query += queries[own + row];
                    // Gradients were collected of PyTorch's model, whose pairs are halves.
                    if (keys is null)
                        weighted += queries[own + row] * fed.OutputGradients!.Entry(own + pair + second * scores.Length) / fed.Count;
                    else
                        key += keys[shared + row];
                }
                scores[pair] += keys is null ? weighted : query * key;
            }
        }
        return scores;
    }

    /// <summary>The pairs of the largest scores, ascending.</summary>
    public static int[] Best(double[] scores, int count) => [.. Enumerable.Range(0, scores.Length).OrderByDescending(p => scores[p]).Take(count).Order()];

    /// <summary>Mean square of each output: [W C W^T]_jj / tokens, and the bias's square. The product of both, for which the file has no means, is left out.</summary>
    private static double[] Energies(ITensorEngine engine, Model model, ModelLayer layer, ModelLayer? bias, LayerCalibration fed, CancellationToken cancellationToken)
    {
        using Matrix<float> stored = WeightMatrix.Read(model.File, layer.Tensor, cancellationToken);
        using Matrix<double> weight = HostMatrix.Of(layer.Shape.Orientation == WeightOrientation.InOut ? stored.Transposed : stored.View);
        using ITensor w = engine.Load(weight.View), c = engine.Load(fed.Inputs.Original.Dense!.View), wc = engine.Create(ElementType.Float64, weight.Rows, weight.Columns);
        engine.MatMul(1, w, c, 0, wc, cancellationToken);
        using ITensor product = engine.Combine(ElementOperation.Multiply, w, wc), sums = engine.Sum(product, 1);
        double[] energies = Array.ConvertAll(engine.ToArray(sums), e => Math.Max(e, 0) / fed.Count);
        if (bias is not null)
        {
            using Matrix<float> b = WeightMatrix.Read(model.File, bias.Tensor, cancellationToken);
            for (int j = 0; j < energies.Length; j++)
                energies[j] += (double)b[0, j] * b[0, j];
        }
        return energies;
    }
}
