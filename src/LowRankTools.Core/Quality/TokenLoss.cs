using LowRankTools.Core.Architectures;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;

namespace LowRankTools.Core.Quality;

/// <summary>How well a language model foresees a text.</summary>
internal static class TokenLoss
{
    /// <summary>The sum of -log p(token | those before it in its sequence) and the number of tokens that have one before them.</summary>
    /// <param name="model">The network.</param>
    /// <param name="sequences">What it reads.</param>
    /// <param name="batchSize">Sequences at once.</param>
    /// <param name="progress">Told about every batch.</param>
    /// <param name="cancellationToken">Stops between and inside runs.</param>
    public static BatchLoss Of(RunnableModel model, IReadOnlyList<TokenSequence> sequences, int batchSize, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        double sum = 0, count = 0;
        int done = 0;
        foreach ((int[] places, TokenBatch batch) in TokenBatches.Sorted(sequences, batchSize))
        {
            progress?.Report(new OperationProgress("Reading", model.Source.Name, done, sequences.Count));
            using Pass pass = Pass.Inference(model.Engine, cancellationToken);
            NetworkOutput output = model.Network.Forward(pass, batch);
            pass.Release(output.Hidden);
            (BatchLoss loss, _) = CrossEntropyLoss.ComputeSum(pass, output.Logits!, TokenBatches.NextTokens(batch));
            (sum, count) = (sum + loss.Sum, count + loss.Count);
            done += places.Length;
        }
        return new BatchLoss(sum, count);
    }
}
