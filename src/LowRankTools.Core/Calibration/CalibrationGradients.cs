using LowRankTools.Core.Architectures;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Calibration;

/// <summary>Brings gradients to a network's layers that say what a change of their outputs does to what the network is for.</summary>
/// <param name="model">The network.</param>
/// <param name="source">What the gradients are those of; not Auto.</param>
/// <param name="pooling">How an embedding is made.</param>
/// <param name="seed">Chooses the signs.</param>
internal sealed class CalibrationGradients(RunnableModel model, GradientSource source, Pooling pooling, ulong seed)
{
    private readonly DeterministicRandom _signs = new(seed);

    /// <summary>What suits a network.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the network does not predict tokens.</exception>
    public static GradientSource SourceOf(GradientSource asked, TransformerConfig config)
    {
        if (asked == GradientSource.NextToken && !config.PredictsNextToken)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"The network ({config.ModelType}) predicts no next token.", "Use the gradients of a projection, or none.");
        return asked != GradientSource.Auto ? asked : config.PredictsNextToken ? GradientSource.NextToken : GradientSource.Projection;
    }

    /// <summary>Runs a batch forward and back.</summary>
    /// <param name="pass">A training pass that is listened to.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="texts">Numbers of its sequences among all: each has signs of its own, whatever batch it is in.</param>
    public void Run(Pass pass, TokenBatch batch, IReadOnlyList<int> texts)
    {
        NetworkOutput output = model.Network.Forward(pass, batch);
        if (source == GradientSource.NextToken)
        {
            pass.Release(output.Hidden);
            model.Network.Backward(pass, CrossEntropyLoss.ComputeSum(pass, output.Logits!, TokenBatches.NextTokens(batch)).Gradient!);
            return;
        }
        bool alsoPooled = pooling != Pooling.Pooled && output is { Logits: null, Pooled: not null };
        int width = output.Hidden.Shape[1];
        ITensor signs = Signs(pass, output.Hidden.ElementType, texts, width, 0);
        // A state that the network makes beside the embedding matters too: the layers that make it would have no gradient otherwise.
        ITensor? pooled = alsoPooled ? Signs(pass, output.Hidden.ElementType, texts, output.Pooled!.Shape[1], 1) : null;
        Release(pass, output);
        SentencePooling.Backward(model.Network, pass, signs, batch, pooling, pooled);
    }

    private static void Release(Pass pass, NetworkOutput output)
    {
        foreach (ITensor? tensor in (ITensor?[])[output.Hidden, output.Pooled, output.Logits])
        {
            if (tensor is not null)
                pass.Release(tensor);
        }
    }

    private ITensor Signs(Pass pass, ElementType type, IReadOnlyList<int> texts, int width, ulong part)
    {
        double[] signs = new double[texts.Count * width];
        for (int i = 0; i < signs.Length; i++)
        {
            (int row, int column) = (i / width, i % width);
            ulong place = ((ulong)texts[row] * 2 + part) * (ulong)width + (ulong)column;
            signs[i] = (_signs.BitsAt(place) & 1) == 0 ? 1 : -1;
        }
        ITensor exact = pass.Engine.FromDoubles(signs, texts.Count, width);
        if (type == ElementType.Float64)
            return exact;
        using (exact)
            return pass.Engine.Copy(exact, type);
    }
}
