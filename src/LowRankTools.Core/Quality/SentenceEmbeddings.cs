using LowRankTools.Core.Architectures;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Quality;

/// <summary>Embeddings of sequences, each of length one.</summary>
internal static class SentenceEmbeddings
{
    /// <summary>Runs a network on all sequences.</summary>
    /// <param name="model">The network.</param>
    /// <param name="sequences">What it reads.</param>
    /// <param name="pooling">How an embedding is made.</param>
    /// <param name="batchSize">Sequences at once.</param>
    /// <param name="classes">Gets the class with the highest score of each sequence; null where the network has no classes.</param>
    /// <param name="progress">Told about every batch.</param>
    /// <param name="cancellationToken">Stops between and inside runs.</param>
    /// <returns>One embedding a sequence, in their order; zeros where the network made zeros.</returns>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>.</exception>
    public static double[][] Of(RunnableModel model, IReadOnlyList<TokenSequence> sequences, Pooling pooling, int batchSize, int[]? classes, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        double[][] embeddings = new double[sequences.Count][];
        int done = 0;
        foreach ((int[] places, TokenBatch batch) in TokenBatches.Sorted(sequences, batchSize))
        {
            progress?.Report(new OperationProgress("Embedding", model.Source.Name, done, sequences.Count));
            using Pass pass = Pass.Inference(model.Engine, cancellationToken);
            using NetworkOutput output = model.Network.Forward(pass, batch);
            using ITensor pooled = SentencePooling.Forward(pass, output, batch, pooling);
            double[] values = model.Engine.ToArray(pooled);
            int width = pooled.Shape[1];
            for (int i = 0; i < places.Length; i++)
                embeddings[places[i]] = Unit(values.AsSpan(i * width, width), model);
            if (classes is not null)
                Choose(model.Engine.ToArray(output.Logits!), places, classes);
            done += places.Length;
        }
        return embeddings;
    }

    // Of equal scores the first one counts.
    private static void Choose(double[] scores, int[] places, int[] classes)
    {
        int count = scores.Length / places.Length;
        for (int i = 0; i < places.Length; i++)
        {
            ReadOnlySpan<double> own = scores.AsSpan(i * count, count);
            int best = 0;
            for (int c = 1; c < count; c++)
                best = own[c] > own[best] ? c : best;
            classes[places[i]] = best;
        }
    }

    /// <summary>The inner product, which of embeddings of length one is their cosine.</summary>
    public static double Cosine(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }

    private static double[] Unit(ReadOnlySpan<double> values, RunnableModel model)
    {
        double[] unit = values.ToArray();
        double length = Math.Sqrt(Cosine(unit, unit));
        if (!double.IsFinite(length))
            throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"{model.Source.Path}: the network's embeddings hold NaN or infinity.", "Compare the weights with those of the original, Compare-ModelWeight.");
        for (int i = 0; i < unit.Length && length > 0; i++)
            unit[i] /= length;
        return unit;
    }
}
