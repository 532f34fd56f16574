using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Tests;

/// <summary>A GPT-2 that learns random sequences by heart; some have fewer targets than others.</summary>
internal sealed class NextTokenTask(Gpt2 network, int examples = 7) : ITrainingTask
{
    private const int Length = 5;

    public Module Network => network;

    public int Examples => examples;

    public static Gpt2 Model(INetworkEngine engine, bool lora, ElementType type = ElementType.Float32)
    {
        var model = new Gpt2(new ParameterFactory(engine, 2, type), new Gpt2Config { Vocabulary = 11, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = Length });
        if (!lora) return model;
        model.AddLora(engine, new LoraOptions(2) { Alpha = 4, Dropout = 0.2 }, ["c_attn", "mlp.*", "wte"]);
        model.MarkOnlyLoraTrainable();
        return model;
    }

    public BatchLoss Run(Pass pass, int[] examples)
    {
        int[][] sequences = [.. examples.Select(Sequence)];
        NetworkOutput output = network.Forward(pass, new TokenBatch([.. sequences.SelectMany(s => s[..^1])], sequences.Length));
        int[] targets = [.. sequences.SelectMany((s, i) => s[1..].Select((token, place) => place < examples[i] % 3 ? -100 : token))];
        (BatchLoss loss, ITensor? gradient) = CrossEntropyLoss.ComputeSum(pass, output.Logits!, targets);
        if (gradient is not null) network.Backward(pass, gradient);
        return loss;
    }

    private static int[] Sequence(int example)
    {
        var random = new DeterministicRandom((ulong)example + 100);
        return [.. Enumerable.Range(0, Length + 1).Select(_ => random.Next(11))];
    }
}
