using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>DoRA: lengths and directions of a weight's rows learned apart.</summary>
public sealed class DoraTests
{
    private const double Wide = 2.3e-16, Single = 1.2e-7;
    private const int In = 5, Out = 6, Rank = 2;

    [Theory]
    [InlineData(0, Activation.None)]
    [InlineData(0, Activation.GeluTanh)]
    [InlineData(0.4, Activation.GeluTanh)]
    public void Gradients(double dropout, Activation activation)
    {
        using var layer = new Sequential(Layer(GradientCheck.Factory(), dropout), new ActivationLayer(activation));
        foreach (Parameter parameter in layer.Parameters()) parameter.Trainable = true;
        GradientCheck.Run(layer, 7, In);
    }

    [Fact]
    public void Outputs_are_the_formula_in_use_and_in_training()
    {
        using DoraLinear layer = Layer(GradientCheck.Factory(), 0);
        double[] w = Values(layer.Weight), a = Values(layer.A), b = Values(layer.B), m = Values(layer.Magnitude), bias = Values(layer.Bias!);
        using ITensor single = Engine.Random(3, 6, In), x = Engine.Copy(single, ElementType.Float64);
        double[] inputs = Engine.ToArray(x), expected = new double[6 * Out];
        for (int o = 0; o < Out; o++)
        {
            double[] row = [.. Enumerable.Range(0, In).Select(i => w[(o * In) + i] + (1.5 * Enumerable.Range(0, Rank).Sum(r => b[(o * Rank) + r] * a[(r * In) + i])))];
            double length = Math.Sqrt(row.Sum(v => v * v));
            for (int t = 0; t < 6; t++) expected[(t * Out) + o] = bias[o] + (m[o] / length * row.Select((v, i) => v * inputs[(t * In) + i]).Sum());
        }

        AssertClose(expected, Outputs(layer, In), Wide);
        AssertClose(expected, Outputs(layer, In, training: true), Wide);
    }

    [Fact]
    public void Merged_is_unmerged_and_back_has_the_same_bits()
    {
        using DoraLinear layer = Layer(new ParameterFactory(Engine, 4), 0.3);
        double[] weight = Values(layer.Weight), before = Outputs(layer, In);
        layer.Eval(Engine);
        Assert.True(layer.IsMerged);
        AssertClose(before, Outputs(layer, In), Single);
        Assert.Equal("LoraIsMerged", Assert.Throws<LowRankToolsException>(() => Outputs(layer, In, training: true)).ErrorId);
        layer.Train();
        Assert.Equal(weight, Values(layer.Weight));
        Assert.Equal(before, Outputs(layer, In));
        using var dense = (Linear)layer.ToDense(Engine);
        AssertClose(before, Outputs(dense, In), Single);
        using ITensor delta = layer.Delta(Engine);
        AssertClose(Values(dense.Weight), [.. weight.Zip(Engine.ToArray(delta), (w, d) => w + d)], Single);
    }

    [Fact]
    public void A_merged_row_has_the_length_that_was_learned()
    {
        using DoraLinear layer = Layer(GradientCheck.Factory(), 0);
        using var dense = (Linear)layer.ToDense(Engine);
        AssertClose([.. Values(layer.Magnitude).Select(m => m * m)], Engine.SquaredRowNorms(dense.Weight.Value), Wide);
    }

    [Fact]
    public void Surgery_leaves_what_a_network_computes_and_trains_lengths_with_the_pair()
    {
        using var plain = new Sequential(new Linear(new ParameterFactory(Engine, 4), In, Out));
        double[] before = Outputs(plain, In);
        Assert.Equal(["0"], plain.AddLora(Engine, new LoraOptions(Rank) { Alpha = 3, Dora = true }));
        AssertClose(before, Outputs(plain, In), Single);
        ParameterShare share = plain.MarkOnlyLoraTrainable();
        Assert.Equal((Rank * (In + Out)) + Out, share.Trainable);
        plain.MergeLora(Engine);
        AssertClose(before, Outputs(plain, In), Single);
        Assert.IsType<Linear>(Assert.Single(plain.Modules(), place => place.Name == "0").Module);
    }

    [Fact]
    public void A_row_of_zeros_stays_zero()
    {
        using DoraLinear layer = Layer(GradientCheck.Factory(), 0);
        Set(layer.Weight, 1, 0);
        Set(layer.B, 1, 0);
        layer.Bias!.Value = Engine.Create(ElementType.Float64, Out);
        Assert.All(Outputs(layer, In, training: true), value => Assert.Equal(0, value));
        Assert.All(Outputs(layer, In), value => Assert.Equal(0, value));
    }

    [Fact]
    public void What_DoRA_has_no_form_for_is_refused()
    {
        var dora = new LoraOptions(Rank) { Dora = true };
        foreach (LoraOptions options in (LoraOptions[])[dora with { EnabledGroups = [true, false] }, dora with { Start = LoraStart.Pissa }, dora with { FanInFanOut = true }])
            Assert.Equal("LoraOptionsInvalid", Assert.Throws<LowRankToolsException>(() => new DoraLinear(ParameterFactory.ShapesOnly, new Parameter(Out, In), null, options)).ErrorId);
        Assert.Equal("LoraOptionsInvalid", Assert.Throws<LowRankToolsException>(() => new LoraLinear(ParameterFactory.ShapesOnly, In, Out, dora)).ErrorId);
        Assert.Equal("LoraOptionsInvalid", Assert.Throws<LowRankToolsException>(() => new LoraEmbedding(ParameterFactory.ShapesOnly, In, Out, dora)).ErrorId);
    }

    [Fact]
    public void Lengths_are_named_as_PEFT_names_them()
    {
        using var network = new Sequential(new DoraLinear(ParameterFactory.ShapesOnly, new Parameter(Out, In), null, new LoraOptions(Rank)));
        Assert.Equal(
            ["base_model.model.0.lora_A.weight", "base_model.model.0.lora_B.weight", "base_model.model.0.lora_magnitude_vector"],
            network.LoraStateDict(keys: LoraKeys.Peft).Select(p => p.Name));
    }

    private static DoraLinear Layer(ParameterFactory factory, double dropout)
    {
        var layer = new DoraLinear(factory, factory.Uniform(1, Out, In), factory.Uniform(1, Out), new LoraOptions(Rank) { Alpha = 3, Dropout = dropout });
        Randomize(layer);
        Set(layer.Magnitude, 33, 1);
        return layer;
    }
}
