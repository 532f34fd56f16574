using System.Diagnostics;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Benchmarks;

/// <summary>
/// A training step of the seed notebook's encoder-decoder on 256 tokens, forward, back and AdamW: of all 45,555,200 parameters, and of
/// LoRA of rank 8 on all linear layers.
/// </summary>
internal static class LoraBenchmark
{
    private const int Runs = 5, Rank = 8, Tokens = 256;

    public static void Run()
    {
        var engine = new EmbeddedEngine();
        var config = new EncoderDecoderConfig();
        using var full = new EncoderDecoder(new ParameterFactory(engine, 1), config);
        using var adapted = new EncoderDecoder(new ParameterFactory(engine, 1), config);
        adapted.AddLora(engine, new LoraOptions(Rank) { Alpha = 2 * Rank });
        ParameterShare share = adapted.MarkOnlyLoraTrainable();
        using Adam one = new(), other = new();
        var batch = (PairBatch)NetworkBatch.MadeUp(config, 1, Tokens);
        double Step(EncoderDecoder model, Adam adam)
        {
            var watch = Stopwatch.StartNew();
            using Pass pass = Pass.Training(engine);
            NetworkOutput output = model.Forward(pass, batch);
            (_, ITensor? gradient) = CrossEntropyLoss.Compute(pass, output.Logits!, batch.Target.Ids);
            model.Backward(pass, gradient!);
            pass.Release(output.Hidden);
            adam.Step(engine, model);
            return watch.Elapsed.TotalMilliseconds;
        }

        List<double> fullTimes = [], loraTimes = [];
        for (int i = 0; i <= Runs; i++)
        {
            double dense = Step(full, one), lora = Step(adapted, other);
            if (i == 0) continue;
            fullTimes.Add(dense);
            loraTimes.Add(lora);
        }

        double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);
        Timing.Print($"   full step: {Median(fullTimes):0} ms, {one.MemoryLength:#,0} numbers remembered");
        Timing.Print($"   LoRA step: {Median(loraTimes):0} ms, {other.MemoryLength:#,0} numbers remembered, {100 * share.Share:0.00} % of {share.Total:#,0} parameters trained");
        Timing.Print($"   full over LoRA: {Median(fullTimes) / Median(loraTimes):0.00} (goal 1.3)");
    }
}
