using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.LanguageModel;

/// <summary>A language model learns what comes next.</summary>
/// <param name="network">What learns.</param>
/// <param name="sequences">The texts.</param>
internal sealed class NextTokenTask(Transformer network, IReadOnlyList<TokenSequence> sequences) : ITrainingTask
{
    /// <inheritdoc/>
    public Module Network => network;

    /// <inheritdoc/>
    public int Examples => sequences.Count;

    /// <inheritdoc/>
    public BatchLoss Run(Pass pass, int[] examples)
    {
        TokenBatch batch = TokenBatches.Of([.. examples.Select(i => sequences[i])]);
        NetworkOutput output = network.Forward(pass, batch);
        pass.Release(output.Hidden);
        (BatchLoss loss, ITensor? gradient) = CrossEntropyLoss.ComputeSum(pass, output.Logits!, TokenBatches.NextTokens(batch));
        if (gradient is not null)
            network.Backward(pass, gradient);
        return loss;
    }

    /// <summary>Mean loss over all texts.</summary>
    public double Loss(INetworkEngine engine, int batchSize, CancellationToken ct)
    {
        (double sum, double count) = (0, 0);
        foreach (int[] places in Enumerable.Range(0, sequences.Count).Chunk(batchSize))
        {
            using Pass pass = Pass.Inference(engine, ct);
            BatchLoss loss = Run(pass, places);
            (sum, count) = (sum + loss.Sum, count + loss.Count);
        }
        return sum / count;
    }
}
