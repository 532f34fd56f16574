using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.TorchSharp.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>The LoRA layers of Networks on this engine, and beside those for TorchSharp modules.</summary>
[Collection(LibTorch.Name)]
public sealed class LoraEngineTests
{
    private static readonly INetworkEngine s_torch = NetworkEngines.Require(new TorchSharpEngine(LibTorch.Device));
    private static readonly INetworkEngine s_embedded = new EmbeddedEngine();

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Both_engines_and_both_libraries_agree(bool groups, bool fanInFanOut)
    {
        bool[]? enabled = groups ? [true, false, true] : null;
        var options = new LoraOptions(2) { Alpha = 3, EnabledGroups = enabled, FanInFanOut = fanInFanOut };
        double[][] one = Results(s_embedded, options), other = Results(s_torch, options);
        for (int i = 0; i < one.Length; i++) AssertClose(one[i], other[i], 1e-12);

        // The same weights in a module of TorchSharp: y, dx, dA, dB, merged weight.
        using DisposeScope scope = NewDisposeScope();
        using var module = new Lora.LoraLinear(7, 9, new Lora.LoraOptions(2) { Alpha = 3, EnabledGroups = enabled, FanInFanOut = fanInFanOut });
        module.to(ScalarType.Float64);
        using (LoraProjection layer = Layer(s_embedded, options))
        using (no_grad())
        {
            foreach ((string name, Parameter parameter) in layer.StateDict())
                module.get_parameter(name)!.copy_(tensor(s_embedded.ToArray(parameter.Value)).reshape([.. parameter.Shape.Select(size => (long)size)]));
        }

        Tensor x = tensor(Numbers(3, 28)).reshape(4, 7).requires_grad_(), y = module.call(x);
        y.backward([tensor(Numbers(4, 36)).reshape(4, 9)]);
        AssertClose(one[0], [.. y.detach().reshape(-1).data<double>()], 1e-12);
        AssertClose(one[1], [.. x.grad!.reshape(-1).data<double>()], 1e-12);
        AssertClose(one[2], [.. module.A.grad!.reshape(-1).data<double>()], 1e-12);
        AssertClose(one[3], [.. module.B.grad!.reshape(-1).data<double>()], 1e-12);
        AssertClose(one[4], [.. module.Sum().contiguous().reshape(-1).data<double>()], 1e-12);
    }

    [Fact]
    public void A_training_step_with_clipping_is_the_same_on_both_engines()
    {
        double[] Trained(INetworkEngine engine)
        {
            using LoraProjection layer = Layer(engine, new LoraOptions(2) { Alpha = 3 });
            using var adam = new Adam(new AdamSettings(0.01, 0.1));
            for (int step = 0; step < 3; step++)
            {
                Run(engine, layer);
                Gradients.Scale(engine, layer, Gradients.ClipFactor(Gradients.Norm(engine, layer), 0.5));
                adam.Step(engine, layer);
            }

            return [.. layer.LoraStateDict().SelectMany(p => engine.ToArray(p.Parameter.Value))];
        }

        AssertClose(Trained(s_embedded), Trained(s_torch), 1e-9);
    }

    private static double[][] Results(INetworkEngine engine, LoraOptions options)
    {
        using LoraProjection layer = Layer(engine, options);
        (double[] y, double[] dx) = Run(engine, layer);
        using ITensor delta = layer.Delta(engine);
        engine.AddScaled(1, layer.Weight.Value, 1, delta);
        return [y, dx, engine.ToArray(layer.A.Gradient!), engine.ToArray(layer.B.Gradient!), engine.ToArray(delta)];
    }

    private static (double[] Y, double[] Dx) Run(INetworkEngine engine, LoraProjection layer)
    {
        using Pass pass = Pass.Training(engine);
        using ITensor x = engine.FromDoubles(Numbers(3, 28), 4, 7), y = layer.Forward(pass, x);
        using ITensor dx = layer.Backward(pass, engine.FromDoubles(Numbers(4, 36), 4, 9));
        return (engine.ToArray(y), engine.ToArray(dx));
    }

    private static LoraProjection Layer(INetworkEngine engine, LoraOptions options)
    {
        var factory = new ParameterFactory(engine, 1, ElementType.Float64);
        LoraProjection layer = options.EnabledGroups is null ? new LoraLinear(factory, 7, 9, options) : new LoraMergedLinear(factory, 7, 9, options);
        layer.B.Value = engine.FromDoubles(Numbers(5, (int)layer.B.Length), [.. layer.B.Shape]);
        return layer;
    }

    private static double[] Numbers(ulong seed, int count)
    {
        double[] values = new double[count];
        new DeterministicRandom(seed).FillGaussian<double>(values);
        return values;
    }

    private static void AssertClose(double[] expected, double[] actual, double share)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, share * scale));
    }
}
