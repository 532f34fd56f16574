using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Networks.Tests.Architectures;

/// <summary>
/// The way back of whole networks, in float64: for each parameter and a random direction D, the slope of
/// L = sum of R y along D is the inner product of gradient and D.
/// </summary>
public sealed class ArchitectureGradientTests
{
    private const double Step = 1e-6, Tolerance = 1e-6;

    private static readonly EmbeddedEngine s_engine = new();

    public static TheoryData<TransformerConfig> Networks =>
    [
        new EncoderDecoderConfig { Width = 8, HeadWidth = 4, Encoder = new SideConfig { Depth = 2, Heads = 2, Length = 8, Tokens = 7 }, Decoder = new SideConfig { Depth = 2, Heads = 2, Length = 8, Tokens = 7 } },
        new BertConfig { Vocabulary = 7, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 8, HasPooler = false, HasTokenHead = true },
        new BertConfig { Vocabulary = 7, Width = 8, Depth = 1, Heads = 2, Hidden = 12, Positions = 8, Labels = 3 },
        new Gpt2Config { Vocabulary = 7, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 8 },
        new LlamaConfig { Vocabulary = 7, Width = 8, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 4, Hidden = 12 },
        new LlamaConfig { Vocabulary = 7, Width = 8, Depth = 1, Heads = 2, KeyValueHeads = 1, HeadWidth = 4, Hidden = 12, AttentionBias = true, HiddenBias = true, TiedHead = true },
        new VitConfig { ImageSize = 6, PatchSize = 3, Channels = 2, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Labels = 3 },
        new SentenceEncoderConfig { Vocabulary = 7, EmbeddingWidth = 4, Width = 8, Hidden = 12, Depth = 2, Heads = 2 },
    ];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Gradients_are_the_slopes_of_the_loss(TransformerConfig config)
    {
        using Transformer network = Transformer.Create(config, new ParameterFactory(s_engine, 5, ElementType.Float64));
        NetworkBatch batch = NetworkBatch.MadeUp(config, 2, 5, seed: 1);
        using (Pass pass = Pass.Training(s_engine))
        {
            NetworkOutput output = network.Forward(pass, batch);
            network.Backward(pass, s_engine.FromDoubles(Weights(output.Result), [.. output.Result.Shape]));
        }
        foreach ((string name, Parameter parameter) in network.StateDict().DistinctBy(p => p.Parameter))
        {
            if (parameter.Gradient is not { } gradient)
            {
                // The encoder of an encoder-decoder has a head that nothing uses.
                Assert.StartsWith("encoder.to_logits.", name, StringComparison.Ordinal);
                continue;
            }
            double[] direction = GradientCheck.Random(17, (int)parameter.Length);
            double expected = (Shifted(parameter, direction, Step, Loss) - Shifted(parameter, direction, -Step, Loss)) / (2 * Step);
            double[] slopes = s_engine.ToArray(gradient);
            double actual = slopes.Zip(direction, (g, d) => g * d).Sum(), scale = Math.Sqrt(slopes.Sum(g => g * g)) + 1e-3;
            Assert.True(Math.Abs(expected - actual) <= Tolerance * scale, $"{name}: {actual} is not {expected}");
        }

        double Loss()
        {
            using Pass pass = Pass.Training(s_engine);
            NetworkOutput output = network.Forward(pass, batch);
            return s_engine.ToArray(output.Result).Zip(Weights(output.Result), (y, w) => y * w).Sum();
        }
    }

    private static double[] Weights(ITensor result) => GradientCheck.Random(99, (int)result.Length);

    private static double Shifted(Parameter parameter, double[] direction, double by, Func<double> loss)
    {
        using ITensor shift = s_engine.FromDoubles(direction, [.. parameter.Shape]), before = s_engine.Copy(parameter.Value, ElementType.Float64);
        s_engine.AddScaled(by, shift, 1, parameter.Value);
        double result = loss();
        s_engine.AddScaled(1, before, 0, parameter.Value);
        return result;
    }
}
