using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Tests;

/// <summary>Whole networks that learn, and passes that free what they used.</summary>
public sealed class TrainingTests
{
    private static readonly INetworkEngine s_engine = new EmbeddedEngine();

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void A_tiny_transformer_learns_sequences_by_heart(int rank)
    {
        // Four sequences of tokens without repetition of a pair: the next token follows from the last one and the place, so
        // a network that sees both can bring the loss to 0, and one that ignores its input stays above log 2.
        int[][] sequences = [[0, 1, 2, 3, 4, 5], [1, 3, 5, 0, 2, 4], [2, 0, 4, 1, 5, 3], [5, 2, 1, 4, 3, 0]];
        int[] inputs = [.. sequences.SelectMany(s => s[..^1])], targets = [.. sequences.SelectMany(s => s[1..])];
        using var model = new TinyTransformer(new ParameterFactory(s_engine, 3), tokens: 6, length: 5, width: 24, heads: 2);
        if (rank > 0) model.FactorizeLinear(s_engine, rank, new FactorizeLinearOptions { Initialization = PairInitialization.Random, Bias = PairBias.Both });
        using var adam = new Adam(new AdamSettings(3e-3));
        double first = 0, last = 0;
        for (int step = 0; step < 400; step++)
        {
            using Pass pass = Pass.Training(s_engine, (ulong)step);
            (last, ITensor? gradient) = CrossEntropyLoss.Compute(pass, model.Forward(pass, inputs, sequences.Length), targets);
            if (step == 0) first = last;
            model.Backward(pass, gradient!);
            adam.Step(s_engine, model);
        }

        Assert.InRange(first, 1, 4);
        Assert.InRange(last, 0, 0.05);
        using Pass inference = Pass.Inference(s_engine);
        using ITensor logits = model.Forward(inference, inputs, sequences.Length);
        double[] values = s_engine.ToArray(logits);
        int[] guesses = [.. Enumerable.Range(0, inputs.Length).Select(i => Enumerable.Range(0, 6).MaxBy(c => values[(i * 6) + c]))];
        Assert.Equal(targets, guesses);
    }

    [Fact]
    public void Gradient_descent_goes_down_by_the_squared_gradient()
    {
        // L = ||x W^T||^2 / 2 has the gradient W x^T x: a small step of size h lowers it by h ||gradient||^2 to first order.
        using var layer = new Linear(new ParameterFactory(s_engine, 1, ElementType.Float64), 3, 2, bias: false);
        using ITensor single = s_engine.Random(1, 5, 3), x = s_engine.Copy(single, ElementType.Float64);
        double Loss()
        {
            using Pass inference = Pass.Inference(s_engine);
            using ITensor y = layer.Forward(inference, x);
            return s_engine.SumOfSquares(y) / 2;
        }

        double before = Loss(), squared;
        using (Pass pass = Pass.Training(s_engine))
        {
            layer.Backward(pass, layer.Forward(pass, x)).Dispose();
            squared = s_engine.SumOfSquares(layer.Weight.Gradient!);
            new Sgd(1e-6).Step(s_engine, layer);
        }

        Assert.Equal(1e-6 * squared, before - Loss(), 1e-4 * 1e-6 * squared);
        Assert.Null(layer.Weight.Gradient);
    }

    [Fact]
    public void Gradients_of_two_passes_add_up_and_a_cleared_one_starts_again()
    {
        using var layer = new Linear(new ParameterFactory(s_engine, 1), 3, 2);
        using ITensor x = s_engine.Random(1, 5, 3);
        double[] Gradient(int passes)
        {
            layer.ClearGradients();
            for (int i = 0; i < passes; i++)
            {
                using Pass pass = Pass.Training(s_engine);
                ITensor y = layer.Forward(pass, x);
                layer.Backward(pass, y).Dispose();
            }

            return [.. s_engine.ToArray(layer.Weight.Gradient!), .. s_engine.ToArray(layer.Bias!.Gradient!)];
        }

        double[] one = Gradient(1), two = Gradient(2);
        Assert.All(one.Zip(two), pair => Assert.Equal(2 * pair.First, pair.Second, 1e-6));
        Assert.Equal(one, Gradient(1));
    }

    [Fact]
    public void Frozen_parameters_stay()
    {
        using var model = new Sequential(new Linear(new ParameterFactory(s_engine, 1), 4, 4), new Linear(new ParameterFactory(s_engine, 2), 4, 4));
        Parameter frozen = ((Linear)model[0]).Weight;
        frozen.Trainable = false;
        Assert.Equal(24, model.CountParameters(trainableOnly: true));
        double[] before = s_engine.ToArray(frozen.Value);
        using Pass pass = Pass.Training(s_engine);
        using ITensor x = s_engine.Random(1, 3, 4);
        model.Backward(pass, model.Forward(pass, x)).Dispose();
        new Sgd(0.1).Step(s_engine, model);
        Assert.Equal(before, s_engine.ToArray(frozen.Value));
    }

    [Fact]
    public void Going_back_without_a_way_forward_says_so()
    {
        using var layer = new Linear(new ParameterFactory(s_engine), 2, 2);
        using Pass pass = Pass.Inference(s_engine);
        using ITensor x = s_engine.Random(1, 3, 2);
        ITensor y = layer.Forward(pass, x);
        Assert.Equal("NothingSaved", Assert.Throws<LowRankToolsException>(() => layer.Backward(pass, y)).ErrorId);
    }

    [Fact]
    public void Training_and_inference_give_the_same_outputs()
    {
        using var model = new TinyTransformer(new ParameterFactory(s_engine, 3), tokens: 6, length: 5, width: 24, heads: 2);
        int[] ids = [0, 1, 2, 3, 4, 5, 4, 3, 2, 1];
        using Pass training = Pass.Training(s_engine), inference = Pass.Inference(s_engine);
        using ITensor one = model.Forward(training, ids, 2), other = model.Forward(inference, ids, 2);
        Assert.Equal(s_engine.ToArray(one), s_engine.ToArray(other));
    }

    /// <summary>Token and position tables, one causal block, a norm and a head tied to nothing: a model as a user writes it.</summary>
    private sealed class TinyTransformer : Module
    {
        private readonly Slot<Embedding> _tokens, _places;
        private readonly Slot<LayerNorm> _before, _after;
        private readonly Slot<MultiHeadAttention> _attention;
        private readonly Slot<Residual> _feedForward;
        private readonly Slot<LinearLayer> _head;

        public TinyTransformer(ParameterFactory factory, int tokens, int length, int width, int heads)
        {
            _tokens = AddChild("tokens", new Embedding(factory, tokens, width));
            _places = AddChild("places", new Embedding(factory, length, width));
            _before = AddChild("before", new LayerNorm(factory, width));
            Linear Square() => new(factory, width, width, bias: false);
            _attention = AddChild("attention", new MultiHeadAttention(new AttentionOptions(heads) { Causal = true }, Square(), Square(), Square(), Square()));
            _feedForward = AddChild("feed_forward", new Residual(new FeedForward(new Linear(factory, width, 2 * width), new Linear(factory, 2 * width, width))));
            _after = AddChild("after", new LayerNorm(factory, width));
            _head = AddChild<LinearLayer>("head", new Linear(factory, width, tokens));
        }

        public ITensor Forward(Pass pass, int[] ids, int batch)
        {
            int length = ids.Length / batch;
            ITensor x = _tokens.Module.Forward(pass, ids), places = _places.Module.Forward(pass, [.. ids.Select((_, i) => i % length)]);
            pass.Engine.AddScaled(1, places, 1, x);
            pass.Release(places);
            ITensor normal = _before.Module.Forward(pass, x), attended = _attention.Module.Forward(pass, normal, null, new AttentionInput(batch));
            pass.Engine.AddScaled(1, x, 1, attended);
            pass.Release(normal);
            pass.Release(x);
            return pass.Through(_head.Module, pass.Through(_after.Module, pass.Through(_feedForward.Module, attended)));
        }

        public void Backward(Pass pass, ITensor gradient)
        {
            ITensor dy = _feedForward.Module.Backward(pass, _after.Module.Backward(pass, _head.Module.Backward(pass, gradient)));
            ITensor dx = _before.Module.Backward(pass, _attention.Module.Backward(pass, pass.Engine.Copy(dy, dy.ElementType)).X);
            pass.Engine.AddScaled(1, dy, 1, dx);
            dy.Dispose();
            _places.Module.Backward(pass, pass.Engine.Copy(dx, dx.ElementType));
            _tokens.Module.Backward(pass, dx);
        }
    }
}
