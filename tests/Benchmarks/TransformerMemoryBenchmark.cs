using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Benchmarks;

/// <summary>What a forward run of the seed's network holds at its peak beside its parameters, in processes of their own.</summary>
internal static class TransformerMemoryBenchmark
{
    private const int Rank = 64, Tokens = 1024, Activations = 20;

    public static void Run()
    {
        foreach (int rank in new[] { 0, Rank })
        {
            (string parameters, long idle, _, _) = ChildProcess.Watch("forward", $"{rank}", "1");
            (_, long peak, _, _) = ChildProcess.Watch("forward", $"{rank}", $"{Tokens}");
            double allowed = (double)Activations * Tokens * new EncoderDecoderConfig().WidestLayer * sizeof(float);
            Timing.Print($"   {(rank == 0 ? "dense" : $"rank {rank}")}, {parameters} parameters: {Tokens} tokens a side take {(peak - idle) / 1e6:0} MB more than one does ({peak / 1e6:0} MB private at the peak); goal at most {Activations} activations of {Tokens} x {new EncoderDecoderConfig().WidestLayer}, {allowed / 1e6:0} MB");
        }
    }

    /// <summary>One forward run; returns the number of parameters.</summary>
    public static long Forward(int rank, int tokens)
    {
        EmbeddedEngine engine = new();
        EncoderDecoderConfig config = new();
        // Shapes first: a dense network that becomes pairs would leave its own peak behind.
        using Transformer network = Transformer.Create(config, ParameterFactory.ShapesOnly);
        if (rank > 0)
            network.FactorizeLinear(engine, rank, new FactorizeLinearOptions { Bias = PairBias.Both });
        foreach (Parameter parameter in network.Parameters())
            parameter.Value = engine.Random(1, [.. parameter.Shape]);
        using Pass pass = Pass.Inference(engine);
        network.Forward(pass, NetworkBatch.MadeUp(config, 1, tokens)).Dispose();
        return network.CountParameters();
    }
}
