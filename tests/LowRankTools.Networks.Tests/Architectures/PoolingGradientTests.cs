using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Calibration;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Networks.Tests.Architectures;

/// <summary>Embeddings of batches with fill, and the ways back from them and from the last states, in float64 beside slopes of the loss.</summary>
public sealed class PoolingGradientTests
{
    private const double Step = 1e-6, Tolerance = 1e-6;

    private static readonly EmbeddedEngine s_engine = new();

    private static readonly TokenBatch s_batch = new([1, 2, 3, 4, 5, 6, 1, 0, 0, 0], 2) { Mask = [true, true, true, true, true, true, true, false, false, false] };

    public static TheoryData<TransformerConfig, Pooling> Networks => new()
    {
        { new BertConfig { Vocabulary = 7, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 8, HasPooler = true }, Pooling.Mean },
        { new BertConfig { Vocabulary = 7, Width = 8, Depth = 1, Heads = 2, Hidden = 12, Positions = 8, HasPooler = true }, Pooling.First },
        { new BertConfig { Vocabulary = 7, Width = 8, Depth = 1, Heads = 2, Hidden = 12, Positions = 8, HasPooler = true }, Pooling.Pooled },
        { new Gpt2Config { Vocabulary = 7, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 8 }, Pooling.Mean },
        { new LlamaConfig { Vocabulary = 7, Width = 8, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 4, Hidden = 12 }, Pooling.Mean },
        { new SentenceEncoderConfig { Vocabulary = 7, EmbeddingWidth = 4, Width = 8, Hidden = 12, Depth = 2, Heads = 2 }, Pooling.Pooled },
        { new SentenceEncoderConfig { Vocabulary = 7, EmbeddingWidth = 4, Width = 8, Hidden = 12, Depth = 2, Heads = 2 }, Pooling.Mean },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Gradients_of_embeddings_and_of_what_is_beside_them_are_slopes(TransformerConfig config, Pooling pooling)
    {
        using Transformer network = Transformer.Create(config, new ParameterFactory(s_engine, 5, ElementType.Float64));
        using (Pass pass = Pass.Training(s_engine))
        {
            NetworkOutput output = network.Forward(pass, s_batch);
            using ITensor embedding = SentencePooling.Forward(pass, output, s_batch, pooling);
            ITensor beside = pooling == Pooling.Pooled ? output.Hidden : output.Result;
            SentencePooling.Backward(network, pass, Weights(embedding, 21), s_batch, pooling, Weights(beside, 22));
        }
        foreach ((string name, Parameter parameter) in network.StateDict().DistinctBy(p => p.Parameter))
        {
            double[] direction = GradientCheck.Random(17, (int)parameter.Length), slopes = s_engine.ToArray(parameter.Gradient!);
            double expected = (Shifted(parameter, direction, Step, Loss) - Shifted(parameter, direction, -Step, Loss)) / (2 * Step);
            double actual = slopes.Zip(direction, (g, d) => g * d).Sum(), scale = Math.Sqrt(slopes.Sum(g => g * g)) + 1e-3;
            Assert.True(Math.Abs(expected - actual) <= Tolerance * scale, $"{name}: {actual} is not {expected}");
        }

        double Loss()
        {
            using Pass pass = Pass.Training(s_engine);
            NetworkOutput output = network.Forward(pass, s_batch);
            using ITensor embedding = SentencePooling.Forward(pass, output, s_batch, pooling);
            return Sum(embedding, 21) + Sum(pooling == Pooling.Pooled ? output.Hidden : output.Result, 22);
        }
    }

    [Fact]
    public void An_embedding_of_a_filled_batch_is_that_of_the_sequence_alone()
    {
        using Transformer network = Transformer.Create(new BertConfig { Vocabulary = 7, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 8 }, new ParameterFactory(s_engine, 5, ElementType.Float64));
        foreach (Pooling pooling in (Pooling[])[Pooling.Mean, Pooling.First])
        {
            double[] both = Embed(network, s_batch, pooling), first = Embed(network, new TokenBatch([1, 2, 3, 4, 5]), pooling), second = Embed(network, new TokenBatch([6, 1]), pooling);
            Assert.All(both.Zip(first.Concat(second)), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        }
    }

    [Fact]
    public void Grams_of_a_filled_batch_are_those_of_its_sequences_and_of_their_gradients()
    {
        Gpt2Config config = new() { Vocabulary = 7, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 8 };
        using Transformer network = Transformer.Create(config, new ParameterFactory(s_engine, 5, ElementType.Float64));
        Linear layer = network.Modules().Select(m => m.Module).OfType<Linear>().First();
        (double[] inputs, double[] gradients, long count) = Grams(network, layer, (s_batch, [2, 3, 4, 5, -1, 1, -1, -1, -1, -1]));
        (double[] alone, double[] gradientsAlone, long countAlone) = Grams(network, layer, (new TokenBatch([1, 2, 3, 4, 5]), [2, 3, 4, 5, -1]), (new TokenBatch([6, 1]), [1, -1]));
        Assert.Equal((7, 7), (count, countAlone));
        Assert.All(inputs.Zip(alone), pair => Assert.Equal(pair.Second, pair.First, 1e-11));
        Assert.All(gradients.Zip(gradientsAlone), pair => Assert.Equal(pair.Second, pair.First, 1e-11));
        Assert.Contains(gradients, g => Math.Abs(g) > 1e-6);
    }

    private static (double[] Inputs, double[] Gradients, long Count) Grams(Transformer network, Linear layer, params (TokenBatch Batch, int[] Next)[] batches)
    {
        using GramCollector grams = new(s_engine);
        foreach ((TokenBatch batch, int[] next) in batches)
        {
            using Pass pass = Pass.Training(s_engine);
            grams.Watch(pass, batch.Mask);
            network.Backward(pass, CrossEntropyLoss.ComputeSum(pass, network.Forward(pass, batch).Logits!, next).Gradient!);
        }
        network.ClearGradients();
        (ITensor sum, long count) = grams.Of(layer)!.Value;
        return (s_engine.ToArray(sum), s_engine.ToArray(grams.GradientsOf(layer)!), count);
    }

    private static double[] Embed(Transformer network, TokenBatch batch, Pooling pooling)
    {
        using Pass pass = Pass.Inference(s_engine);
        using NetworkOutput output = network.Forward(pass, batch);
        using ITensor embedding = SentencePooling.Forward(pass, output, batch, pooling);
        return s_engine.ToArray(embedding);
    }

    private static ITensor Weights(ITensor like, ulong seed) => s_engine.FromDoubles(GradientCheck.Random(seed, (int)like.Length), [.. like.Shape]);

    private static double Sum(ITensor y, ulong seed) => s_engine.ToArray(y).Zip(GradientCheck.Random(seed, (int)y.Length), (value, weight) => value * weight).Sum();

    private static double Shifted(Parameter parameter, double[] direction, double step, Func<double> loss)
    {
        double[] values = s_engine.ToArray(parameter.Value);
        parameter.Value = s_engine.FromDoubles([.. values.Zip(direction, (v, d) => v + step * d)], [.. parameter.Shape]);
        double result = loss();
        parameter.Value = s_engine.FromDoubles(values, [.. parameter.Shape]);
        return result;
    }
}
