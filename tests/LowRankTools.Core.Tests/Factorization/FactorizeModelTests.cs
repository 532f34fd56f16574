using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Tests.Factorization;

public sealed class FactorizeModelTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model(params (string Name, long[] Shape, float[] Values)[] tensors) =>
        new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");

    private FactorizeOptions Options(RankRule rule) => new() { Rule = rule, OutputPath = _folder["out"] };

    private static readonly double[] s_spectrum = [8, 5, 3, 2, 1, 0.5, 0.25, 0.125];

    [Theory]
    [InlineData(40, 24, 3)]
    [InlineData(24, 40, 3)]
    [InlineData(32, 32, 5)]
    [InlineData(9, 200, 2)]
    public void The_error_is_the_tail_of_the_spectrum(int rows, int columns, int rank)
    {
        ModelSource model = Model(TestModel.WithSpectrum("fc.weight", 1, rows, columns, s_spectrum));
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(rank))).Run(model);
        double optimum = Math.Sqrt(s_spectrum.Skip(rank).Sum(s => s * s) / s_spectrum.Sum(s => s * s));
        LayerFactorization layer = Assert.Single(result.Layers);
        Assert.InRange(layer.RelativeError!.Value, optimum * (1 - 1e-5), optimum * 1.002);
        Assert.Equal(rank * (rows + columns), layer.Parameters);
    }

    [Fact]
    public void The_reported_error_is_that_of_the_stored_factors()
    {
        (string, long[], float[] Values) weight = TestModel.Random("fc.weight", 3, 48, 30);
        foreach (TensorDType dtype in new[] { TensorDType.F32, TensorDType.F16, TensorDType.BF16, TensorDType.F64 })
        {
            FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(7)) with { DType = dtype, Force = true }).Run(Model(weight));
            Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
            double[] product = TestModel.Multiply(written["fc.1.weight"].Values, written["fc.0.weight"].Values, 48, 7, 30);
            double actual = TestModel.RelativeError(weight.Values, product);
            Assert.InRange(result.Layers[0].RelativeError!.Value, actual * (1 - 1e-4), actual * (1 + 1e-4));
        }
    }

    [Fact]
    public void Factors_have_the_names_and_shapes_of_a_sequential_pair()
    {
        ModelSource model = Model(TestModel.Random("a.fc.weight", 1, 40, 30), TestModel.Random("a.fc.bias", 2, 40), TestModel.Random("norm.weight", 3, 40));
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(4))).Run(model);
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        Assert.Equal(["a.fc.0.weight", "a.fc.1.bias", "a.fc.1.weight", "norm.weight"], written.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([4, 30], written["a.fc.0.weight"].Shape);
        Assert.Equal([40, 4], written["a.fc.1.weight"].Shape);
    }

    [Fact]
    public void What_is_not_factorized_is_copied_bit_for_bit()
    {
        (string, long[], float[] Values) bias = ("fc.bias", [40], [.. Enumerable.Range(0, 40).Select(i => i == 0 ? float.NaN : i == 1 ? -0f : i == 2 ? float.Epsilon : i)]);
        ModelSource model = Model(TestModel.Random("fc.weight", 1, 40, 30), bias, TestModel.Random("conv.weight", 3, 4, 4, 3, 3));
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(4))).Run(model);
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        Assert.Equal(bias.Values.Select(BitConverter.SingleToInt32Bits), written["fc.1.bias"].Values.Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(TestModel.Read(model.Path)["conv.weight"].Values, written["conv.weight"].Values);
    }

    [Fact]
    public void A_layer_stored_in_by_out_becomes_the_same_pair_as_its_transpose()
    {
        (string Name, long[] Shape, float[] Values) weight = TestModel.Random("h.c_fc.weight", 5, 20, 50);
        ModelSource stored = Model(weight, TestModel.Random("h.c_fc.bias", 6, 50));
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(5))).Run(stored);
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        Assert.Equal([5, 20], written["h.c_fc.0.weight"].Shape);
        Assert.Equal([50, 5], written["h.c_fc.1.weight"].Shape);
        double[] product = TestModel.Multiply(written["h.c_fc.1.weight"].Values, written["h.c_fc.0.weight"].Values, 50, 5, 20);
        Assert.Equal(result.Layers[0].RelativeError!.Value, TestModel.RelativeError(TestModel.Transpose(weight.Values, 20, 50), product), 4);
    }

    [Fact]
    public void An_embedding_becomes_a_smaller_table_and_a_projection()
    {
        (string Name, long[] Shape, float[] Values) table = TestModel.WithSpectrum("token_emb.weight", 5, 60, 20, 4, 2, 1, 0.5);
        FactorizeOptions options = Options(new RankRule.Fixed(2)) with { Selection = new LayerSelection { IncludeEmbedding = true } };
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(new FactorizeModel(options).Run(Model(table)).Path);
        Assert.Equal([60, 2], written["token_emb.0.weight"].Shape);
        Assert.Equal([20, 2], written["token_emb.1.weight"].Shape);
        double[] product = TestModel.Multiply(written["token_emb.0.weight"].Values, TestModel.Transpose(written["token_emb.1.weight"].Values, 20, 2), 60, 2, 20);
        Assert.Equal(Math.Sqrt(1.25 / 21.25), TestModel.RelativeError(table.Values, product), 4);
    }

    [Fact]
    public void Embeddings_stay_dense_unless_asked_for()
    {
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(2)) with { WhatIf = true }).Run(Model(TestModel.Random("token_emb.weight", 5, 60, 20)));
        Assert.Equal(KeepReason.Embedding, Assert.Single(result.Layers).Reason);
    }

    [Fact]
    public void A_rank_at_or_above_break_even_keeps_the_layer_dense()
    {
        // 12 x 12: the pair has 24 r parameters, 144 at rank 6.
        ModelSource model = Model(TestModel.Random("a.weight", 1, 12, 12));
        foreach ((int rank, KeepReason reason) in new[] { (5, KeepReason.None), (6, KeepReason.BreakEven), (7, KeepReason.BreakEven), (1000, KeepReason.BreakEven) })
        {
            FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(rank)) with { WhatIf = true }).Run(model);
            Assert.Equal(reason, result.Layers[0].Reason);
            Assert.True(result.Parameters <= result.ParametersBefore);
        }
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(0.99)]
    public void The_energy_rule_takes_the_smallest_rank_that_keeps_enough(double share)
    {
        ModelSource model = Model(TestModel.WithSpectrum("fc.weight", 1, 60, 50, s_spectrum));
        int rank = new FactorizeModel(Options(new RankRule.Energy(share))).Run(model).Layers[0].Rank!.Value;
        double total = s_spectrum.Sum(s => s * s);
        Assert.True(s_spectrum.Take(rank).Sum(s => s * s) >= share * total);
        Assert.True(s_spectrum.Take(rank - 1).Sum(s => s * s) < share * total);
    }

    [Fact]
    public void The_split_decides_which_factor_is_orthonormal()
    {
        ModelSource model = Model(TestModel.WithSpectrum("fc.weight", 1, 30, 20, 4, 2, 1));
        foreach (FactorSplit split in Enum.GetValues<FactorSplit>())
        {
            FactorizeOptions options = Options(new RankRule.Fixed(2)) with { Split = split, Force = true };
            Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(new FactorizeModel(options).Run(model).Path);
            double first = written["fc.0.weight"].Values.Sum(v => (double)v * v), second = written["fc.1.weight"].Values.Sum(v => (double)v * v);
            (double expectedFirst, double expectedSecond) = split switch
            {
                FactorSplit.Left => (2, 20.0),
                FactorSplit.Right => (20.0, 2),
                _ => (6.0, 6.0),
            };
            Assert.Equal(expectedFirst, first, 3);
            Assert.Equal(expectedSecond, second, 3);
        }
    }

    [Fact]
    public void First_biases_are_zeros_that_complete_both_linear_modules()
    {
        ModelSource model = Model(TestModel.Random("q.weight", 1, 30, 30), TestModel.Random("o.weight", 2, 30, 30), TestModel.Random("o.bias", 3, 30));
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(3)) with { FirstBias = true }).Run(model);
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        Assert.All(written["q.0.bias"].Values, v => Assert.Equal(0f, v));
        Assert.All(written["q.1.bias"].Values, v => Assert.Equal(0f, v));
        Assert.All(written["o.0.bias"].Values, v => Assert.Equal(0f, v));
        Assert.Equal(TestModel.Read(model.Path)["o.bias"].Values, written["o.1.bias"].Values);
        Assert.Equal(written.Values.Sum(t => (long)t.Values.Length), result.Parameters);
    }

    [Fact]
    public void Two_runs_give_the_same_bytes()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 300, 200), TestModel.Random("b.weight", 2, 64, 512));
        foreach (string output in new[] { "one", "two" })
            new FactorizeModel(Options(new RankRule.Fixed(16)) with { OutputPath = _folder[output] }).Run(model);
        Assert.Equal(TestModel.Snapshot(_folder["one"]), TestModel.Snapshot(_folder["two"]));
    }

    [Fact]
    public void What_if_tells_exactly_what_a_run_then_writes_and_touches_nothing()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 40, 40), TestModel.Random("a.bias", 2, 40), TestModel.Random("conv.weight", 3, 4, 4, 3));
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        FactorizationResult plan = new FactorizeModel(Options(new RankRule.KeepRatio(0.5)) with { WhatIf = true }).Run(model);
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
        Assert.False(Directory.Exists(_folder["out"]));
        FactorizationResult run = new FactorizeModel(Options(new RankRule.KeepRatio(0.5))).Run(model);
        Assert.Equal((run.Parameters, run.Bytes), (plan.Parameters, plan.Bytes));
        Assert.Equal(run.Layers.Select(l => (l.Rank, l.Parameters, l.Bytes)), plan.Layers.Select(l => (l.Rank, l.Parameters, l.Bytes)));
        Assert.Equal(run.Parameters, TestModel.Read(run.Path).Values.Sum(t => (long)t.Values.Length));
    }

    [Fact]
    public void Shards_hold_what_one_file_would()
    {
        ModelSource model = Model([.. Enumerable.Range(0, 6).Select(i => TestModel.Random($"l{i}.weight", i, 40, 30))]);
        FactorizationResult one = new FactorizeModel(Options(new RankRule.Fixed(4))).Run(model);
        FactorizationResult many = new FactorizeModel(Options(new RankRule.Fixed(4)) with { OutputPath = _folder["many"], MaxShardBytes = 2000 }).Run(model);
        Assert.EndsWith(".index.json", many.Path, StringComparison.Ordinal);
        Dictionary<string, (long[] Shape, float[] Values)> expected = TestModel.Read(one.Path), actual = TestModel.Read(many.Path);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, t => Assert.Equal(t.Value.Values, actual[t.Key].Values));
        using TensorFile file = TensorFiles.Open(many.Path);
        Assert.True(file.Files.Count > 2);
        foreach (string shard in file.Files.Skip(1))
        {
            using TensorFile part = TensorFiles.Open(shard);
            Assert.InRange(part.Tensors.Sum(t => t.ByteLength), 1, 2000);
        }
    }

    [Fact]
    public void Patterns_choose_layers_by_tensor_or_module_name()
    {
        ModelSource model = Model([.. new[] { "a.q", "a.k", "b.q" }.Select((n, i) => TestModel.Random(n + ".weight", i, 20, 20))]);
        LayerSelection selection = new() { Include = [LayerSelection.Pattern("*.q"), LayerSelection.Pattern("a.k.weight")], Exclude = [LayerSelection.Pattern("B.*")] };
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(2)) with { Selection = selection, WhatIf = true }).Run(model);
        Assert.Equal([("a.k.weight", KeepReason.None), ("a.q.weight", KeepReason.None), ("b.q.weight", KeepReason.Excluded)],
            result.Layers.Select(l => (l.Name, l.Reason)).Order());
    }

    [Fact]
    public void Chosen_layers_are_factorized_and_no_others()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 20, 20), TestModel.Random("b.weight", 2, 20, 20), TestModel.Random("emb.weight", 3, 20, 20));
        LayerSelection selection = new() { Names = new HashSet<string> { "b.weight", "emb.weight" } };
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(2)) with { Selection = selection, WhatIf = true }).Run(model);
        Assert.Equal(["b.weight", "emb.weight"], result.Layers.Where(l => l.Rank is not null).Select(l => l.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_record_says_which_instruction_set_computed()
    {
        FactorizationResult result = new FactorizeModel(Options(new RankRule.Fixed(4))).Run(Model(TestModel.Random("a.weight", 1, 30, 30)));
        using Model written = LowRankTools.Core.Models.Model.Open(new ModelSource(result.Path, "m"));
        Assert.Contains(LowRankTools.Numerics.Engines.EngineCatalog.Embedded.InstructionSet, written.Record!.ComputedBy!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pair_is_not_factorized_again()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 60, 60));
        FactorizationResult first = new FactorizeModel(Options(new RankRule.Fixed(20))).Run(model);
        FactorizationResult second = new FactorizeModel(Options(new RankRule.Fixed(2)) with { OutputPath = _folder["again"], WhatIf = true }).Run(new ModelSource(first.Path, "m"));
        Assert.All(second.Layers, l => Assert.Equal(KeepReason.AlreadyFactorized, l.Reason));
    }

    [Fact]
    public void A_tied_embedding_is_not_untied_by_factorizing_its_head()
    {
        Dictionary<string, string> tie = new() { ["lm_head.weight"] = "wte.weight" };
        string path = TestModel.Write(_folder["tied/m.safetensors"], tie, TestModel.Random("wte.weight", 1, 50, 20), TestModel.Random("fc.weight", 2, 20, 20));
        FactorizationResult kept = new FactorizeModel(Options(new RankRule.Fixed(2))).Run(new ModelSource(path, "m"));
        Assert.Equal(1, kept.FactorizedLayers);
        Assert.Equal(50 * 20 + 2 * (20 + 20), kept.Parameters);
        using Model written = LowRankTools.Core.Models.Model.Open(new ModelSource(kept.Path, "m"));
        Assert.Equal("wte.weight", written.Layers.Single(l => l.Shape.Name == "lm_head.weight").Shape.TiedTo);
    }
}
