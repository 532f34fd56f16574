using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>How one embedding is made of a sequence's states.</summary>
public enum Pooling
{
    /// <summary>What the network makes by itself, <see cref="NetworkOutput.Pooled"/>.</summary>
    Pooled,

    /// <summary>The mean of the last states over the sequence's own tokens, as most sentence encoders have it.</summary>
    Mean,

    /// <summary>The last state of the first token.</summary>
    First,
}

/// <summary>Embeddings of sequences, and the way back from them.</summary>
public static class SentencePooling
{
    /// <summary>The embeddings.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="output">What the network made of the batch; stays the caller's.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="pooling">How.</param>
    /// <returns>Sequences x width, the caller's.</returns>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>: the network makes no embedding by itself.</exception>
    public static ITensor Forward(Pass pass, NetworkOutput output, TokenBatch batch, Pooling pooling)
    {
        INetworkEngine engine = pass.Engine;
        if (pooling == Pooling.Pooled)
        {
            ITensor pooled = output.Logits is null && output.Pooled is { } made ? made
                : throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, "The network makes no embedding of a sequence by itself.", "Use the mean of the states, or the first one.");
            return engine.Copy(pooled, pooled.ElementType);
        }
        ITensor embeddings = pass.New(output.Hidden, batch.Sequences, output.Hidden.Shape[1]);
        if (pooling == Pooling.First)
        {
            engine.Gather(output.Hidden, batch.FirstTokens(), embeddings, pass.CancellationToken);
            return embeddings;
        }
        using ITensor weights = MeanWeights(pass, batch, output.Hidden.ElementType);
        engine.MatMul(1, weights, output.Hidden, 0, embeddings, pass.CancellationToken);
        return embeddings;
    }

    /// <summary>The gradients of the network's parameters grow by what a gradient at the embeddings says.</summary>
    /// <param name="network">The network.</param>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">Sequences x width, taken over.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="pooling">As on the way forward.</param>
    /// <param name="other">
    /// A gradient at what the pooling does not use, taken over, or null: at <see cref="NetworkOutput.Hidden"/> for the network's own embedding, at
    /// <see cref="NetworkOutput.Result"/> for one that is made of states.
    /// </param>
    public static void Backward(Transformer network, Pass pass, ITensor gradient, TokenBatch batch, Pooling pooling, ITensor? other = null)
    {
        if (pooling == Pooling.Pooled)
            network.Backward(pass, gradient, other);
        else
            network.Backward(pass, other, OfStates(pass, gradient, batch, pooling));
    }

    /// <summary>The gradient at the last states that one at embeddings made of them means.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">Sequences x width, taken over.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="pooling">Mean or First.</param>
    public static ITensor OfStates(Pass pass, ITensor gradient, TokenBatch batch, Pooling pooling)
    {
        ITensor hidden = pass.Engine.Create(gradient.ElementType, batch.Ids.Length, gradient.Shape[1]);
        using (gradient)
        {
            if (pooling == Pooling.First)
            {
                pass.Engine.ScatterAdd(gradient, batch.FirstTokens(), hidden, pass.CancellationToken);
            }
            else
            {
                using ITensor weights = MeanWeights(pass, batch, gradient.ElementType);
                pass.Engine.MatMul(1, pass.Engine.Transpose(weights), gradient, 0, hidden, pass.CancellationToken);
            }
        }
        return hidden;
    }

    /// <summary>Sequences x tokens: one over the number of tokens where the token is the sequence's, zero elsewhere.</summary>
    internal static ITensor MeanWeights(Pass pass, TokenBatch tokens, ElementType type)
    {
        double[] weights = new double[tokens.Sequences * tokens.Ids.Length];
        for (int s = 0; s < tokens.Sequences; s++)
        {
            int[] own = [.. Enumerable.Range(s * tokens.Length, tokens.Length).Where(i => tokens.Mask?[i] != false)];
            foreach (int i in own)
                weights[s * tokens.Ids.Length + i] = 1.0 / own.Length;
        }
        return Typed(pass, weights, type, tokens.Sequences, tokens.Ids.Length);
    }

    /// <summary>Numbers as a tensor of a type.</summary>
    internal static ITensor Typed(Pass pass, double[] values, ElementType type, params ReadOnlySpan<int> shape)
    {
        ITensor exact = pass.Engine.FromDoubles(values, shape);
        if (type == ElementType.Float64)
            return exact;
        using (exact)
            return pass.Engine.Copy(exact, type);
    }
}
