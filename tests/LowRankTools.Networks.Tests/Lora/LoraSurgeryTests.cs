using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>LoRA into networks and out again, what is trained, and starts from the weight.</summary>
public sealed class LoraSurgeryTests
{
    [Fact]
    public void Patterns_name_whole_layers_or_their_ends()
    {
        using var model = new Gpt2(ParameterFactory.ShapesOnly, Config);
        Assert.Equal(["transformer.h.0.attn.c_attn", "transformer.h.1.attn.c_attn"], model.AddLora(Engine, new LoraOptions(2) { EnabledGroups = [true, false, true] }, ["c_attn"]));
        Assert.Equal(["transformer.h.1.mlp.c_fc", "transformer.h.1.mlp.c_proj"], model.AddLora(Engine, new LoraOptions(2), ["h.1.mlp.*"]));
        Assert.Equal(["transformer.wte"], model.AddLora(Engine, new LoraOptions(2), ["wte"]));
        Assert.Equal("NoLayerMatches", Assert.Throws<LowRankToolsException>(() => model.AddLora(Engine, new LoraOptions(2), ["attn"])).ErrorId);
        Assert.Equal(2, model.LoraLayers().OfType<LoraMergedLinear>().Count());
    }

    [Theory]
    [InlineData(LoraBias.None)]
    [InlineData(LoraBias.LoraOnly)]
    [InlineData(LoraBias.All)]
    public void What_is_trained_is_counted_by_hand(LoraBias bias)
    {
        // c_attn of two blocks: in 8, out 24, rank 2, and biases of 24.
        using var model = new Gpt2(ParameterFactory.ShapesOnly, Config);
        long total = model.CountParameters(), biases = model.StateDict().Where(p => p.Name.EndsWith("bias", StringComparison.Ordinal)).Sum(p => p.Parameter.Length);
        model.AddLora(Engine, new LoraOptions(2), ["c_attn"]);
        long pairs = 2 * 2 * (8 + 24);
        ParameterShare share = model.MarkOnlyLoraTrainable(bias);
        Assert.Equal(pairs + (bias switch { LoraBias.All => biases, LoraBias.LoraOnly => 2 * 24, _ => 0 }), share.Trainable);
        Assert.Equal(total + pairs, share.Total);
        Assert.Equal((double)share.Trainable / share.Total, share.Share);
        Assert.Equal(share.Trainable, model.LoraStateDict(bias).Sum(p => p.Parameter.Length));
    }

    [Fact]
    public void A_network_with_fresh_LoRA_says_what_it_said_and_merged_what_it_says()
    {
        using var model = new Gpt2(new ParameterFactory(Engine, 2), Config);
        double[] before = Logits(model);
        model.AddLora(Engine, new LoraOptions(2) { Alpha = 4 }, ["c_attn", "c_proj", "c_fc", "wte", "wpe"]);
        Assert.Equal(before, Logits(model));
        Randomize(model);
        double[] adapted = Logits(model);
        Assert.NotEqual(before, adapted);
        model.Eval(Engine);
        AssertClose(adapted, Logits(model), 1.2e-7, 400);
        model.Train();
        Assert.Equal(adapted, Logits(model));
        string[] plain = [.. Plain()];

        // The head is the table of tokens without what LoRA adds to it, and after merging there is one table for both.
        model.LoraLayers().OfType<LoraEmbedding>().First().B.Value = Engine.Create(ElementType.Float32, 8, 2);
        double[] tied = Logits(model);
        Assert.Equal(10, model.MergeLora(Engine).Count);
        AssertClose(tied, Logits(model), 1.2e-7, 400);
        Assert.Equal(plain, model.StateDict().Select(p => p.Name));

        string[] Plain()
        {
            using var dense = new Gpt2(ParameterFactory.ShapesOnly, Config);
            return [.. dense.StateDict().Select(p => p.Name)];
        }
    }

    [Theory]
    [InlineData(LoraStart.Pissa, false)]
    [InlineData(LoraStart.Pissa, true)]
    [InlineData(LoraStart.Olora, false)]
    public void Starts_from_the_weight_compute_what_it_did(LoraStart start, bool groups)
    {
        using var model = new Sequential(new Linear(new ParameterFactory(Engine, 2), 20, 12));
        double[] before = Outputs(model, 20), weight = Values(((Linear)model[0]).Weight);
        model.AddLora(Engine, new LoraOptions(3) { Alpha = 6, Start = start, EnabledGroups = groups ? [true, false] : null });
        AssertClose(before, Outputs(model, 20), 1.2e-7);
        var layer = (LoraProjection)model[0];
        Assert.NotEqual(weight, Values(layer.Weight));
        Assert.Contains(Values(layer.B), value => value != 0);
        if (start == LoraStart.Olora || groups) return;

        // What PiSSA leaves in the base is the tail of the spectrum (Eckart and Young, 1936).
        using Matrix<float> w = Matrix(weight, 12, 20);
        using TruncatedSvdResult svd = MatrixSvd.Compute(w.View, new RankTarget.Rank(12));
        Assert.Equal(Math.Sqrt(svd.SingularValues.Skip(3).Sum(s => s * s)), Math.Sqrt(Values(layer.Weight).Sum(v => v * v)), 1e-3);
    }

    [Fact]
    public void An_error_leaves_every_bit_as_it_was()
    {
        var factory = new ParameterFactory(Engine, 1);
        var first = new Linear(factory, 8, 8);
        using var model = new Sequential(first, new Linear(factory, 8, 8), new Linear(factory, 8, 3));
        string before = model.ToString();
        double[] weight = Values(first.Weight);
        Assert.Equal("RankExceedsLayer", Assert.Throws<LowRankToolsException>(() => model.AddLora(Engine, new LoraOptions(4) { Start = LoraStart.Pissa })).ErrorId);
        Assert.Equal("RankExceedsLayer", Assert.Throws<LowRankToolsException>(() => model.AddLora(Engine, new LoraOptions(4) { Start = LoraStart.Olora })).ErrorId);
        Assert.Equal(before, model.ToString());
        Assert.Equal(weight, Values(first.Weight));
        Assert.True(first.Weight.Trainable);
        using var tied = new Sequential(first, new Linear(first.Weight));
        Assert.Equal("WeightIsShared", Assert.Throws<LowRankToolsException>(() => tied.AddLora(Engine, new LoraOptions(4) { Start = LoraStart.Pissa })).ErrorId);
        Assert.Equal(2, tied.AddLora(Engine, new LoraOptions(4)).Count);
        Assert.NotSame(tied[0], tied[1]);
    }

    [Fact]
    public void Frozen_parameters_keep_their_bits_and_the_rest_learns()
    {
        using var model = new Gpt2(new ParameterFactory(Engine, 2), Config);
        model.AddLora(Engine, new LoraOptions(2) { Alpha = 4, Dropout = 0.1 }, ["c_attn", "c_fc", "wte"]);
        model.MarkOnlyLoraTrainable();
        Dictionary<string, double[]> before = model.StateDict().ToDictionary(p => p.Name, p => Values(p.Parameter));
        using var adam = new Adam(new AdamSettings(1e-2, Decay: 0.1));
        for (int step = 0; step < 3; step++)
        {
            using Pass pass = Pass.Training(Engine, (ulong)step);
            NetworkOutput output = model.Forward(pass, new TokenBatch([1, 2, 3, 4, 5, 6], 2));
            (_, ITensor? gradient) = CrossEntropyLoss.Compute(pass, output.Logits!, [2, 3, 4, 5, 6, 7]);
            model.Backward(pass, gradient!);
            adam.Step(Engine, model);
        }

        Assert.All(model.StateDict(), p =>
        {
            if (p.Name.Contains("lora_", StringComparison.Ordinal)) Assert.NotEqual(before[p.Name], Values(p.Parameter));
            else Assert.Equal(before[p.Name], Values(p.Parameter));
        });
    }

    internal static Gpt2Config Config => new() { Vocabulary = 16, Width = 8, Depth = 2, Heads = 2, Hidden = 12, Positions = 6 };

    internal static double[] Logits(Transformer model)
    {
        using Pass pass = Pass.Inference(Engine);
        using NetworkOutput output = model.Forward(pass, new TokenBatch([1, 2, 3, 4, 5, 6], 2));
        return Engine.ToArray(output.Logits!);
    }

    private static Matrix<float> Matrix(double[] values, int rows, int columns)
    {
        var matrix = new Matrix<float>(rows, columns);
        for (int i = 0; i < values.Length; i++) matrix[i / columns, i % columns] = (float)values[i];
        return matrix;
    }
}
