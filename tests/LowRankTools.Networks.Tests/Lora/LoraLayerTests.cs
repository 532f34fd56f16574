using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Formulas, ways back, merging.</summary>
public sealed class LoraLayerTests
{
    private const double Wide = 2.3e-16, Single = 1.2e-7;

    public static TheoryData<bool, bool, bool> Kinds => new() { { false, false, false }, { true, false, false }, { false, true, false }, { false, false, true }, { true, true, true } };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Linear_gradients(bool fanInFanOut, bool stabilized, bool groups)
    {
        var options = new LoraOptions(2) { Alpha = 3, FanInFanOut = fanInFanOut, RankStabilized = stabilized, Dropout = stabilized ? 0.4 : 0, EnabledGroups = groups ? [true, false, true] : null };
        using var layer = new Sequential(Layer(GradientCheck.Factory(), 5, 9, options), new ActivationLayer(Activation.GeluTanh));
        Randomize(layer);
        foreach (Parameter parameter in layer.Parameters()) parameter.Trainable = true;
        GradientCheck.Run(layer, 7, 5);
    }

    [Fact]
    public void Embedding_gradients()
    {
        int[] ids = [3, 0, 3, 1];
        using var table = new LoraEmbedding(GradientCheck.Factory(), 5, 4, new LoraOptions(2) { Alpha = 3 });
        Randomize(table);
        table.Weight.Trainable = true;
        GradientCheck.Run(table, [], (pass, _) => table.Forward(pass, ids), (pass, gradient) =>
        {
            table.Backward(pass, gradient);
            return [];
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Outputs_are_the_formula(bool fanInFanOut, bool stabilized, bool groups)
    {
        bool[] enabled = groups ? [true, false, true] : [true];
        const int In = 5, Out = 9, Rank = 2;
        var options = new LoraOptions(Rank) { Alpha = 3, FanInFanOut = fanInFanOut, RankStabilized = stabilized, EnabledGroups = groups ? enabled : null };
        using LoraProjection layer = Layer(GradientCheck.Factory(), In, Out, options);
        Randomize(layer);
        Assert.Equal(stabilized ? 3 / Math.Sqrt(Rank) : 3.0 / Rank, options.Scaling);
        Assert.Equal([Rank * enabled.Count(e => e), In], layer.A.Shape);
        Assert.Equal([Out / enabled.Length * enabled.Count(e => e), Rank], layer.B.Shape);
        double[] w = Values(layer.Weight), a = Values(layer.A), b = Values(layer.B), bias = Values(layer.Bias!);
        using ITensor single = Engine.Random(3, 6, In), x = Engine.Copy(single, ElementType.Float64);
        double[] inputs = Engine.ToArray(x), expected = new double[6 * Out];
        int width = Out / enabled.Length;
        for (int t = 0; t < 6; t++)
        {
            for (int o = 0; o < Out; o++)
            {
                int group = o / width, pair = enabled.Take(group).Count(e => e);
                double sum = bias[o];
                for (int i = 0; i < In; i++)
                {
                    double delta = 0;
                    for (int r = 0; enabled[group] && r < Rank; r++) delta += b[(((pair * width) + (o % width)) * Rank) + r] * a[(((pair * Rank) + r) * In) + i];
                    sum += inputs[(t * In) + i] * ((fanInFanOut ? w[(i * Out) + o] : w[(o * In) + i]) + (options.Scaling * delta));
                }

                expected[(t * Out) + o] = sum;
            }
        }

        AssertClose(expected, Outputs(layer, In), Wide);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Merged_is_unmerged_and_back_has_the_same_bits(bool fanInFanOut, bool stabilized, bool groups)
    {
        var options = new LoraOptions(2) { Alpha = 3, Dropout = 0.3, FanInFanOut = fanInFanOut, RankStabilized = stabilized, EnabledGroups = groups ? [false, true, true] : null };
        using LoraProjection layer = Layer(new ParameterFactory(Engine, 4), 15, 9, options);
        Randomize(layer);
        double[] weight = Values(layer.Weight), before = Outputs(layer, 15);
        layer.Eval(Engine);
        Assert.True(layer.IsMerged);
        Assert.Equal(weight, Values(layer.Weight));
        AssertClose(before, Outputs(layer, 15), Single);
        Assert.Equal("LoraIsMerged", Assert.Throws<LowRankToolsException>(() => Outputs(layer, 15, training: true)).ErrorId);
        layer.Train();
        Assert.False(layer.IsMerged);
        Assert.Equal(before, Outputs(layer, 15));
        using var dense = (Linear)layer.ToDense(Engine);
        AssertClose(before, Outputs(dense, 15), Single);
    }

    [Fact]
    public void An_embedding_merges_as_its_rows_say()
    {
        using var table = new LoraEmbedding(new ParameterFactory(Engine, 4), 11, 6, new LoraOptions(2) { Alpha = 3 });
        Randomize(table);
        double[] Rows()
        {
            using Pass pass = Pass.Inference(Engine);
            using ITensor y = table.Forward(pass, [.. Enumerable.Range(0, 11)]);
            return Engine.ToArray(y);
        }

        double[] unmerged = Rows();
        using (ITensor delta = table.Delta(Engine)) AssertClose([.. Values(table.Weight).Zip(Engine.ToArray(delta), (w, d) => w + d)], unmerged, Single);
        table.Eval(Engine);
        AssertClose(unmerged, Rows(), Single);
        table.Train();
        Assert.Equal(unmerged, Rows());
    }

    [Fact]
    public void A_zero_start_leaves_the_layer_as_it_was()
    {
        using var plain = new Linear(new ParameterFactory(Engine, 4), 8, 6);
        var adapted = new LoraLinear(new ParameterFactory(Engine, 9), plain.Weight, plain.Bias, new LoraOptions(2) { Alpha = 5 });
        Assert.Equal(Outputs(plain, 8), Outputs(adapted, 8));
        Assert.All(Values(adapted.B), value => Assert.Equal(0, value));
        Assert.All(Values(adapted.A), value => Assert.InRange(Math.Abs(value), 0, 1 / Math.Sqrt(8)));
        Assert.Contains(Values(adapted.A), value => value != 0);
        using var table = new LoraEmbedding(new ParameterFactory(Engine, 4), 5, 3, new LoraOptions(2));
        using Pass pass = Pass.Inference(Engine);
        using ITensor y = table.Forward(pass, [0, 1, 2, 3, 4]);
        Assert.Equal(Values(table.Weight), Engine.ToArray(y));
    }

    [Fact]
    public void Dropout_reaches_the_pair_alone_and_only_in_training()
    {
        using LoraProjection layer = Layer(new ParameterFactory(Engine, 4), 8, 6, new LoraOptions(2) { Alpha = 4, Dropout = 0.5 });
        Assert.Equal(Outputs(layer, 8), Outputs(layer, 8, training: true));
        Randomize(layer);
        Assert.NotEqual(Outputs(layer, 8), Outputs(layer, 8, training: true));
        Assert.Equal(Outputs(layer, 8), Outputs(layer, 8));
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(2, double.NaN, 0)]
    [InlineData(2, 1, 1)]
    [InlineData(2, 1, -0.1)]
    public void Options_that_make_no_sense_are_refused(int rank, double alpha, double dropout) =>
        Assert.Throws<LowRankToolsException>(() => Layer(ParameterFactory.ShapesOnly, 8, 6, new LoraOptions(rank) { Alpha = alpha, Dropout = dropout }));

    private static LoraProjection Layer(ParameterFactory factory, int inputs, int outputs, LoraOptions options) =>
        options.EnabledGroups is null ? new LoraLinear(factory, inputs, outputs, options) : new LoraMergedLinear(factory, inputs, outputs, options);
}
