using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Ranks that training finds.</summary>
public sealed class LearnedRankTests
{
    [Theory]
    [InlineData(Activation.None)]
    [InlineData(Activation.GeluTanh)]
    public void Gradients(Activation activation)
    {
        using var model = new Sequential(new Linear(GradientCheck.Factory(), 5, 7), new ActivationLayer(activation));
        Assert.Equal(["0"], model.LearnRanks(GradientCheck.Engine));
        foreach (Parameter parameter in model.Parameters()) parameter.Trainable = true;
        GradientCheck.Run(model, 6, 5);
    }

    [Fact]
    public void Into_directions_and_back_computes_the_same()
    {
        using var model = new Sequential(new Linear(new ParameterFactory(Engine, 2), 20, 12), new ActivationLayer(Activation.Tanh), new Linear(new ParameterFactory(Engine, 3), 12, 8, bias: false));
        double[] before = Outputs(model, 20);
        model.LearnRanks(Engine);
        AssertClose(before, Outputs(model, 20), 1.2e-7);
        var layer = (LearnedRankLinear)model[0];

        // Three of twelve factors stay, one of them below zero: 3 (20 + 12) < 20 x 12. All eight of the other: a dense layer again.
        layer.Mask.Value = Engine.From([2, 0, 0, -1, 0, 0, 0, 0, 0.5f, 0, 0, 0], 12);
        double[] masked = Outputs(model, 20);
        Assert.Equal([("0", 3), ("2", 8)], model.TruncateRanks(Engine));
        AssertClose(masked, Outputs(model, 20), 1.2e-7);
        Assert.Equal(3, ((LowRankLinear)model[0]).Rank);
        Assert.IsType<Linear>(model[2]);
        Assert.Equal((3 * 32) + 12 + (12 * 8), model.CountParameters());
    }

    [Fact]
    public void A_penalty_is_its_proximal_step()
    {
        using var layer = new LearnedRankLinear(new ParameterFactory(Engine).Normal(1, 4, 5), new ParameterFactory(Engine).Constant(0, 4), new ParameterFactory(Engine).Normal(1, 6, 4), null);
        layer.Mask.Value = Engine.From([1, 0.25f, -0.75f, 0], 4);
        layer.Shrink(Engine, 0.5);
        Assert.Equal([0.5, 0, -0.25, 0], Values(layer.Mask));
    }

    [Fact]
    public void Training_with_a_penalty_finds_the_rank_of_what_it_learns()
    {
        // Outputs of a layer of rank 2 are learned by one of rank 8: what is not needed falls to exact zeros.
        using var target = new LowRankLinear(GradientCheck.Factory(3), 8, 8, 2, bias: false);
        var weight = new Parameter(8, 8);
        using (Pass pass = Pass.Inference(Engine))
        using (ITensor one = Engine.FromDoubles([.. Enumerable.Range(0, 64).Select(i => i % 9 == 0 ? 1.0 : 0)], 8, 8), rows = target.Forward(pass, one), noise = GradientCheck.Tensor(4, 8, 8))
        {
            // y of unit vectors is W^T; a little noise gives all directions a factor.
            weight.Value = Engine.Permute(rows, 1, 0);
            Engine.AddScaled(0.02, noise, 1, weight.Value);
        }

        using var model = new Sequential(new Linear(weight));
        model.LearnRanks(Engine);
        using var adam = new Adam(new AdamSettings(2e-3));
        new Trainer(Engine, new Imitation(model, target), adam, new TrainingOptions(150, 16) { RankPenalty = 6e-5 }).Run();
        Assert.Equal([("0", 2)], model.TruncateRanks(Engine));
    }

    private sealed class Imitation(Sequential network, LowRankLinear target) : ITrainingTask
    {
        public Module Network => network;

        public int Examples => 1000;

        public BatchLoss Run(Pass pass, int[] examples)
        {
            ITensor x = Engine.FromDoubles([.. examples.SelectMany(e => GradientCheck.Random((ulong)e, 8))], examples.Length, 8);
            using Pass asked = Pass.Inference(Engine);
            using ITensor wanted = target.Forward(asked, x);
            (BatchLoss loss, ITensor? gradient) = DistillationLoss.States(pass, network.Forward(pass, x), wanted);
            if (gradient is not null) network.Backward(pass, gradient).Dispose();
            return loss;
        }
    }
}
