using LowRankTools.Core.Architectures;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Training;

/// <summary>A network that learns on texts: to do what another one does, to say what follows in them, or to which class they belong.</summary>
/// <param name="student">What learns.</param>
/// <param name="teacher">What it learns from; stays as it is. Null for the goals NextToken and Labels.</param>
/// <param name="sequences">The texts.</param>
/// <param name="goal">What is compared; not Auto.</param>
/// <param name="pooling">How an embedding is made.</param>
/// <param name="temperature">T of the goal Scores.</param>
internal sealed class DistillationTask(RunnableModel student, RunnableModel? teacher, IReadOnlyList<TokenSequence> sequences, DistillationGoal goal, Pooling pooling, double temperature) : ITrainingTask
{
    /// <summary>For the goal Labels the right class by the line's number.</summary>
    public IReadOnlyDictionary<int, int>? Classes { get; init; }

    /// <inheritdoc/>
    public Module Network => student.Network;

    /// <inheritdoc/>
    public int Examples => sequences.Count;

    /// <inheritdoc/>
    public BatchLoss Run(Pass pass, int[] examples)
    {
        double sum = 0, count = 0;
        foreach (IReadOnlyList<TokenSequence> group in TokenBatches.OfLikeLength(examples.Select(i => sequences[i])))
        {
            BatchLoss loss = Run(pass, group, TokenBatches.Of(group));
            (sum, count) = (sum + loss.Sum, count + loss.Count);
            pass.Forget();
        }
        return new BatchLoss(sum, count);
    }

    private BatchLoss Run(Pass pass, IReadOnlyList<TokenSequence> sequences, TokenBatch batch)
    {
        NetworkOutput output = student.Network.Forward(pass, batch);
        if (goal == DistillationGoal.Labels)
        {
            pass.Release(output.Hidden);
            if (output.Pooled is { } state)
                pass.Release(state);
            return Back(pass, CrossEntropyLoss.ComputeSum(pass, output.Logits!, [.. sequences.Select(s => Classes![s.Line])]));
        }
        if (goal == DistillationGoal.NextToken)
        {
            pass.Release(output.Hidden);
            return Back(pass, CrossEntropyLoss.ComputeSum(pass, output.Logits!, TokenBatches.NextTokens(batch)));
        }
        using Pass asked = Pass.Inference(pass.Engine, pass.CancellationToken);
        using NetworkOutput answer = teacher!.Network.Forward(asked, batch);
        if (goal == DistillationGoal.Scores)
        {
            pass.Release(output.Hidden);
            return Back(pass, DistillationLoss.Logits(pass, output.Logits!, answer.Logits!, batch.Mask, temperature));
        }
        return Embeddings(pass, asked, batch, output, answer);
    }

    /// <summary>Mean loss over all texts, in inference.</summary>
    public double Loss(int batchSize, CancellationToken cancellationToken)
    {
        double sum = 0, count = 0;
        foreach (int[] places in Enumerable.Range(0, sequences.Count).OrderBy(i => sequences[i].Ids.Length).Chunk(batchSize))
        {
            using Pass pass = Pass.Inference(student.Engine, cancellationToken);
            BatchLoss loss = Run(pass, places);
            (sum, count) = (sum + loss.Sum, count + loss.Count);
        }
        return count > 0 ? sum / count : double.NaN;
    }

    private BatchLoss Back(Pass pass, (BatchLoss Loss, ITensor? Gradient) loss)
    {
        if (loss.Gradient is not null)
            student.Network.Backward(pass, loss.Gradient);
        return loss.Loss;
    }

    // Both parts are between 0 and about 1 a text, so that neither drowns the other.
    private BatchLoss Embeddings(Pass pass, Pass asked, TokenBatch batch, NetworkOutput output, NetworkOutput answer)
    {
        double sum = 0;
        ITensor? states = null, embedding = null;
        if (goal != DistillationGoal.Embedding)
        {
            (BatchLoss loss, states) = DistillationLoss.States(pass, output.Hidden, answer.Hidden, batch.Mask);
            double share = batch.Sequences / Math.Max(double.Epsilon, Squares(answer.Hidden, batch, asked));
            sum += loss.Sum * share * answer.Hidden.Shape[1];
            if (states is not null)
                pass.Engine.AddScaled(0, states, share * answer.Hidden.Shape[1], states);
        }
        if (goal != DistillationGoal.States)
        {
            using ITensor own = SentencePooling.Forward(pass, output, batch, pooling), theirs = SentencePooling.Forward(asked, answer, batch, pooling);
            (BatchLoss loss, embedding) = DistillationLoss.Cosine(pass, own, theirs);
            sum += loss.Sum;
        }
        foreach (ITensor? tensor in (ITensor?[])[output.Hidden, output.Pooled, output.Logits])
        {
            if (tensor is not null)
                pass.Release(tensor);
        }
        Back(pass, batch, states, embedding);
        return new BatchLoss(sum, batch.Sequences);
    }

    private void Back(Pass pass, TokenBatch batch, ITensor? states, ITensor? embedding)
    {
        if (embedding is not null && pooling == Pooling.Pooled)
        {
            student.Network.Backward(pass, embedding, states);
            return;
        }
        if (embedding is not null)
        {
            ITensor pooled = SentencePooling.OfStates(pass, embedding, batch, pooling);
            if (states is not null)
            {
                pass.Engine.AddScaled(1, states, 1, pooled);
                states.Dispose();
            }
            states = pooled;
        }
        if (states is not null)
            student.Network.Backward(pass, null, states);
    }

    /// <summary>Sum of squares of the states of tokens that are no fill.</summary>
    private static double Squares(ITensor states, TokenBatch batch, Pass pass)
    {
        if (batch.Mask is not { } mask)
            return pass.Engine.SumOfSquares(states);
        int[] rows = [.. Enumerable.Range(0, mask.Length).Where(i => mask[i])];
        using ITensor kept = pass.Engine.Uninitialized(states.ElementType, rows.Length, states.Shape[1]);
        pass.Engine.Gather(states, rows, kept, pass.CancellationToken);
        return pass.Engine.SumOfSquares(kept);
    }
}
