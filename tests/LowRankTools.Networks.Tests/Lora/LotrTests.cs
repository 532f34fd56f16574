using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Changes whose outer factors layers share.</summary>
public sealed class LotrTests
{
    private const double Wide = 2.3e-16, Single = 1.2e-7;

    [Theory]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    public void Gradients_of_two_layers_that_share_their_factors(int leftRank, int rank)
    {
        ParameterFactory factory = GradientCheck.Factory();
        Parameter left = factory.Normal(1, 5, leftRank), right = factory.Normal(1, rank, 5);
        using var network = new Sequential(Layer(), new ActivationLayer(Activation.Gelu), Layer());
        foreach (Parameter parameter in network.Parameters()) parameter.Trainable = true;
        GradientCheck.Run(network, 7, 5);

        LotrLinear Layer() => new(factory.Normal(1, 5, 5), factory.Normal(1, 5), left, factory.Normal(1, leftRank, rank), right, new LoraOptions(rank) { Alpha = 3 });
    }

    [Fact]
    public void A_layer_is_a_dense_one_of_its_sum()
    {
        using LotrLinear layer = Random();
        using ITensor delta = layer.Delta(Engine);
        double[] l = Values(layer.Left), m = Values(layer.Core), r = Values(layer.Right), expected = new double[9 * 5];
        for (int i = 0; i < 9; i++)
            for (int j = 0; j < 5; j++)
                for (int p = 0; p < 3; p++)
                    for (int q = 0; q < 2; q++)
                        expected[(i * 5) + j] += 1.5 * l[(i * 3) + p] * m[(p * 2) + q] * r[(q * 5) + j];
        AssertClose(expected, Engine.ToArray(delta), Wide);
        using var dense = (Linear)layer.ToDense(Engine);
        double[] beside = Outputs(layer, 5);
        AssertClose(Outputs(dense, 5), beside, Wide);
        layer.Merge(Engine);
        AssertClose(beside, Outputs(layer, 5), Wide);
        Assert.Equal("LoraIsMerged", Assert.Throws<LowRankToolsException>(() => Outputs(layer, 5, training: true)).ErrorId);
        layer.Unmerge();
        Assert.Equal(beside, Outputs(layer, 5));
    }

    [Fact]
    public void Surgery_changes_nothing_at_first_and_shares_by_shape()
    {
        using var network = new Sequential(new Linear(new ParameterFactory(Engine, 1), 8, 8), new Linear(new ParameterFactory(Engine, 2), 8, 6), new Linear(new ParameterFactory(Engine, 3), 6, 8), new Linear(new ParameterFactory(Engine, 4), 8, 8));
        double[] before = Outputs(network, 8);
        long dense = network.CountParameters();
        Assert.Equal(["0", "1", "2", "3"], network.AddLotr(Engine, new LoraOptions(2)));
        Assert.Equal(before, Outputs(network, 8));
        ParameterShare share = network.MarkOnlyLoraTrainable();
        Assert.Equal((3 * 2 * 16) - (2 * 2 * 2) + (4 * 4), share.Trainable);
        Assert.Equal(dense + share.Trainable, share.Total);
        Assert.Equal(["lotr_L.8x8", "lotr_R.8x8", "0.lotr_M.8x8", "lotr_L.6x8", "lotr_R.6x8", "1.lotr_M.6x8", "lotr_L.8x6", "lotr_R.8x6", "2.lotr_M.8x6", "3.lotr_M.8x8"], network.LotrStateDict().Select(p => p.Name));
        Assert.Equal(share.Trainable, network.LotrStateDict().Sum(p => p.Parameter.Length));
        Assert.Equal("NoPeftLayout", Assert.Throws<LowRankToolsException>(() => network.LoraStateDict(keys: LoraKeys.Peft)).ErrorId);
        Assert.Equal("NoLayerMatches", Assert.Throws<LowRankToolsException>(() => network.AddLotr(Engine, new LoraOptions(2), ["x"])).ErrorId);
        Assert.Equal("LoraOptionsInvalid", Assert.Throws<LowRankToolsException>(() => network.AddLotr(Engine, new LoraOptions(2) { Dropout = 0.5 })).ErrorId);
    }

    [Fact]
    public void Training_finds_changes_that_share_their_sides_and_merging_keeps_what_is_computed()
    {
        // Targets of two frozen layers differ from them by changes with common columns and rows, which two cores can stand for.
        using var network = new Sequential(new Linear(new ParameterFactory(Engine, 1), 12, 12, bias: false), new Linear(new ParameterFactory(Engine, 2), 12, 12, bias: false));
        using var target = new Sequential(new Linear(new ParameterFactory(Engine, 1), 12, 12, bias: false), new Linear(new ParameterFactory(Engine, 2), 12, 12, bias: false));
        target.AddLotr(Engine, new LoraOptions(2) { Alpha = 2, Seed = 90 });
        ulong seed = 70;
        foreach (LotrLinear layer in target.LoraLayers().Cast<LotrLinear>()) Set(layer.Core, seed++, 1);
        network.AddLotr(Engine, new LoraOptions(2) { Alpha = 2, Seed = 4 });
        network.MarkOnlyLoraTrainable();
        using var adam = new Adam(new AdamSettings(Rate: 0.01));
        double first = 0, last = 0;
        for (int step = 0; step < 800; step++)
        {
            using ITensor x = Engine.Random((ulong)(1000 + step), 32, 12);
            using Pass asked = Pass.Inference(Engine);
            using ITensor wanted = target.Forward(asked, x);
            using Pass pass = Pass.Training(Engine);
            ITensor y = network.Forward(pass, x);
            Engine.AddScaled(-1, wanted, 1, y);
            last = Engine.SumOfSquares(y) / 32;
            if (step == 0) first = last;
            network.Backward(pass, y).Dispose();
            adam.Step(Engine, network);
        }

        Assert.InRange(last, 0, first / 100);
        double[] beside = Outputs(network, 12);
        network.MergeLora(Engine);
        Assert.All(network.Children, slot => Assert.IsType<Linear>(slot.Child));
        AssertClose(beside, Outputs(network, 12), Single, 256);
    }

    [Fact]
    public void Factors_that_do_not_fit_are_refused()
    {
        Assert.Equal("ShapesDoNotMatch", Id(2, 2, 2, 3));
        Assert.Equal("ShapesDoNotMatch", Id(3, 2, 2, 2));
        Assert.Equal("ShapesDoNotMatch", Id(2, 2, 3, 2));
        string Id(int left, int rows, int right, int rank) => Assert.Throws<LowRankToolsException>(() => new LotrLinear(new Parameter(9, 5), null, new Parameter(9, left), new Parameter(rows, 2), new Parameter(right, 5), new LoraOptions(rank))).ErrorId;
    }

    private static LotrLinear Random()
    {
        ParameterFactory factory = GradientCheck.Factory();
        return new LotrLinear(factory.Normal(1, 9, 5), factory.Normal(1, 9), factory.Normal(1, 9, 3), factory.Normal(1, 3, 2), factory.Normal(1, 2, 5), new LoraOptions(2) { Alpha = 3 });
    }
}
