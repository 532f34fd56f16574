using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Demo.Learning;

/// <summary>A decoder that learns sequences, from their tokens or from a teacher.</summary>
/// <param name="network">What learns.</param>
/// <param name="data">The sequences.</param>
/// <param name="examples">How many of them.</param>
/// <param name="teacher">A decoder of the same tokens and width that says what to answer; null to learn from the tokens.</param>
internal sealed class SequenceTask(Gpt2 network, SequenceData data, int examples, Gpt2? teacher = null) : ITrainingTask
{
    /// <summary>Examples that nobody is trained on begin here.</summary>
    private const int Unseen = 10_000_000;

    private const int UnseenExamples = 256;

    public Module Network => network;

    public int Examples => examples;

    public BatchLoss Run(Pass pass, int[] examples)
    {
        (TokenBatch batch, int[] targets) = Batch(examples);
        NetworkOutput output = network.Forward(pass, batch);
        if (teacher is null)
        {
            (BatchLoss loss, ITensor? gradient) = CrossEntropyLoss.ComputeSum(pass, output.Logits!, targets);
            if (gradient is not null) network.Backward(pass, gradient);
            return loss;
        }

        using Pass asked = Pass.Inference(pass.Engine, pass.CancellationToken);
        using NetworkOutput answer = teacher.Forward(asked, batch);
        (BatchLoss states, ITensor? hidden) = DistillationLoss.States(pass, output.Hidden, answer.Hidden);

        // States of all tokens count, so all scores do too, and both sums have one number of tokens.
        (BatchLoss scores, ITensor? dLogits) = DistillationLoss.Logits(pass, output.Logits!, answer.Logits!);
        if (dLogits is not null) network.Backward(pass, dLogits, hidden);
        return scores with { Sum = scores.Sum + states.Sum };
    }

    /// <summary>Mean loss per target and share of targets guessed, on sequences that nobody is trained on.</summary>
    public (double Loss, double Accuracy) Judge(INetworkEngine engine, CancellationToken ct)
    {
        using Pass pass = Pass.Inference(engine, ct);
        (TokenBatch batch, int[] targets) = Batch([.. Enumerable.Range(Unseen, UnseenExamples)]);
        using NetworkOutput output = network.Forward(pass, batch);
        double[] scores = engine.ToArray(output.Logits!);
        int[] rows = [.. Enumerable.Range(0, targets.Length).Where(row => targets[row] >= 0)];
        int right = rows.Count(row => Enumerable.Range(0, data.Tokens).MaxBy(token => scores[(row * data.Tokens) + token]) == targets[row]);
        double loss = engine.CrossEntropy(output.Logits!, targets, null, ct);
        return (loss, (double)right / rows.Length);
    }

    private (TokenBatch Batch, int[] Targets) Batch(int[] examples)
    {
        (int[] Inputs, int[] Targets)[] all = [.. examples.Select(data.Example)];
        return (new TokenBatch([.. all.SelectMany(e => e.Inputs)], all.Length), [.. all.SelectMany(e => e.Targets)]);
    }
}
