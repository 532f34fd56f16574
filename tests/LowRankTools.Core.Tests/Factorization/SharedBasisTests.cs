using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Layers of one kind that share the factor next to their inputs, from file to file.</summary>
public sealed class SharedBasisTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, 24, 16)]
    [InlineData(3, 10, 40)]
    [InlineData(2, 6, 40)]
    public void Weights_whose_stack_has_the_rank_come_back_whole(int layers, int rows, int columns)
    {
        // At 6 x 40 the rank of the stack is above what each of its weights alone can have.
        double[] spectrum = [.. Enumerable.Range(0, Math.Min(8, columns / 2)).Select(k => 9.0 - k)];
        FactorizationResult result = Factorize(new RankRule.Fixed(spectrum.Length), layers, Stack(layers, rows, columns, spectrum));
        Assert.Equal(layers, result.FactorizedLayers);
        Assert.All(result.Layers, l => Assert.InRange(l.RelativeError!.Value, 0, 1e-5));
    }

    [Fact]
    public void The_summed_squared_error_is_the_tail_of_the_stacks_singular_values()
    {
        double[] spectrum = [9, 7, 5, 3, 2, 1, 0.5];
        (string Name, long[] Shape, float[] Values)[] weights = Stack(2, 20, 16, spectrum);
        FactorizationResult result = Factorize(new RankRule.Fixed(4), 2, weights);
        double lost = weights.Zip(result.Layers, (w, l) => l.RelativeError!.Value * l.RelativeError.Value * w.Values.Sum(v => (double)v * v)).Sum();
        Assert.Equal(spectrum.Skip(4).Sum(s => s * s), lost, 1e-3);
    }

    [Fact]
    public void A_group_of_ranks_costs_one_basis_and_every_layers_own_factor()
    {
        FactorizationResult result = Factorize(new RankRule.KeepRatio(0.5), 2, Random(4, 30, 20));
        int rank = (int)(0.5 * 2 * 30 * 20 / (20 + 2 * 30));
        Assert.All(result.Layers, l => Assert.Equal(rank, l.Rank));
        Assert.Equal([rank * 50L, rank * 30, rank * 50, rank * 30], result.Layers.Select(l => l.Parameters));
        Assert.Equal([null, "h.0.fc.weight", null, "h.2.fc.weight"], result.Layers.Select(l => l.Basis));
        Assert.Equal(result.Layers.Sum(l => l.Parameters), result.Parameters);
        Assert.Equal(result.Parameters, CountParameters.Run(Of(result)).Parameters);
        Assert.Equal(result.Parameters, TestModel.Read(result.Path).Sum(t => (long)t.Value.Values.Length));
        using Model model = Model.Open(Of(result));
        Assert.Equal("h.0.fc.0.weight", model.Layers.Single(l => l.Shape.Name == "h.1.fc.0.weight").Shape.TiedTo);
        Assert.Equal(result.Layers.Select(l => l.Basis), model.Record!.Layers.Select(l => l.Basis));
    }

    [Theory]
    [InlineData(ModelFormat.Safetensors, false)]
    [InlineData(ModelFormat.Safetensors, true)]
    [InlineData(ModelFormat.PyTorch, false)]
    [InlineData(ModelFormat.PyTorch, true)]
    public void Merging_gives_every_layer_back_with_the_error_that_was_told(ModelFormat format, bool firstBias)
    {
        (string Name, long[] Shape, float[] Values)[] tensors = [.. Random(3, 30, 20), TestModel.Random("h.0.fc.bias", 7, 30), TestModel.Random("h.1.fc.bias", 8, 30), TestModel.Random("norm.weight", 9, 20)];
        ModelSource dense = new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");
        FactorizationResult small = new FactorizeModel(Options(new RankRule.Fixed(5), 2) with { Format = format, FirstBias = firstBias }).Run(dense);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(Of(small));
        Assert.Equal(3, merged.MergedLayers);
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(dense.Path), after = TestModel.Read(merged.Path);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, (long[] shape, float[] values)) in before)
        {
            Assert.Equal(shape, after[name].Shape);
            Assert.Equal(small.Layers.FirstOrDefault(l => l.Name == name)?.RelativeError ?? 0, TestModel.RelativeError(values, [.. after[name].Values.Select(v => (double)v)]), 5);
        }
        foreach (TensorDifference difference in new CompareModels(withRank: false).Run(dense, Of(small)))
            Assert.Equal(small.Layers.FirstOrDefault(l => l.Name == difference.Name)?.RelativeError ?? 0, difference.RelativeError!.Value, 5);
    }

    [Fact]
    public void Layers_stored_in_by_out_share_the_basis_of_their_transposes()
    {
        (string Name, long[] Shape, float[] Values)[] straight = Random(2, 30, 20);
        (string, long[], float[])[] turned = [.. straight.Select(w => (w.Name.Replace(".fc.", ".mlp.c_fc.", StringComparison.Ordinal), new long[] { 20, 30 }, TestModel.Transpose(w.Values, 30, 20)))];
        (string, long[], float[])[] biases = [TestModel.Random("h.0.mlp.c_fc.bias", 7, 30), TestModel.Random("h.1.mlp.c_fc.bias", 8, 30)];
        Dictionary<string, (long[] Shape, float[] Values)> own = TestModel.Read(Factorize(new RankRule.Fixed(5), 2, straight).Path);
        Dictionary<string, (long[] Shape, float[] Values)> others = TestModel.Read(Factorize(new RankRule.Fixed(5), 2, [.. turned, .. biases]).Path);
        Assert.Equal(own["h.0.fc.0.weight"].Values, others["h.0.mlp.c_fc.0.weight"].Values);
        Assert.Equal(own["h.1.fc.1.weight"].Values, others["h.1.mlp.c_fc.1.weight"].Values);
    }

    [Fact]
    public void Energy_chooses_the_least_rank_of_the_stack_that_keeps_it()
    {
        double[] spectrum = [9, 7, 5, 3, 2, 1, 0.5];
        double all = spectrum.Sum(s => s * s);
        FactorizationResult result = Factorize(new RankRule.Energy(0.9), 2, Stack(2, 30, 24, spectrum));
        int least = Enumerable.Range(1, spectrum.Length).First(r => spectrum.Take(r).Sum(s => s * s) >= 0.9 * all);
        Assert.All(result.Layers, l => Assert.Equal(least, l.Rank));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_bytes_come_of_any_number_of_threads(int threads)
    {
        ModelSource model = Write(Random(5, 96, 64));
        byte[] BytesOf(string name, int count) => File.ReadAllBytes(new FactorizeModel(Options(new RankRule.Fixed(9), 2) with { OutputPath = _folder[name], Svd = new SvdOptions { ThreadCount = count } }).Run(model).Path);
        Assert.Equal(BytesOf("one", 1), BytesOf("other", threads + 1));
    }

    [Fact]
    public void What_would_be_written_is_known_and_nothing_is_written()
    {
        ModelSource model = Write(Random(3, 30, 20));
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        FactorizationResult planned = new FactorizeModel(Options(new RankRule.KeepRatio(0.4), 2) with { WhatIf = true }).Run(model);
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
        FactorizationResult written = new FactorizeModel(Options(new RankRule.KeepRatio(0.4), 2)).Run(model);
        Assert.Equal((planned.Parameters, planned.Bytes, planned.FactorizedLayers), (written.Parameters, written.Bytes, written.FactorizedLayers));
        Assert.Equal(planned.Layers.Select(l => (l.Name, l.Basis, l.Parameters)), written.Layers.Select(l => (l.Name, l.Basis, l.Parameters)));
    }

    [Fact]
    public void Nobody_shares_where_no_layer_has_a_partner_and_the_result_says_so()
    {
        FactorizationResult result = Factorize(new RankRule.Fixed(3), 2, TestModel.Random("h.0.q.weight", 1, 20, 20), TestModel.Random("h.1.q.weight", 2, 20, 24), TestModel.Random("h.3.q.weight", 3, 20, 24));
        Assert.All(result.Layers, l => Assert.Null(l.Basis));
        Assert.NotEmpty(result.Note);
        Assert.Equal(TestModel.Read(result.Path).Count, 2 * result.FactorizedLayers);
    }

    public static TheoryData<string, Func<FactorizeOptions, FactorizeOptions>> Contradictions => new()
    {
        { "one layer", o => o with { ShareBasis = 1 } },
        { "a method", o => o with { Method = FactorMethod.Tucker } },
        { "quantised", o => o with { Quantize = WeightQuantization.Int8 } },
        { "swept", o => o with { Calibration = new CalibrationOptions { Path = "none", Mode = CalibrationMode.Swept } } },
        { "GGUF", o => o with { Format = ModelFormat.Gguf } },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void What_does_not_go_together_with_it_is_refused(string what, Func<FactorizeOptions, FactorizeOptions> change)
    {
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => new FactorizeModel(change(Options(new RankRule.Fixed(3), 2))).Run(Write(Random(2, 30, 20))));
        Assert.True(error.ErrorId == CoreErrors.OptionInvalid, $"{what}: {error.ErrorId}");
        Assert.False(Directory.Exists(_folder["out"]), what);
    }

    [Fact]
    public void Parts_are_refused() => Assert.Equal(CoreErrors.OptionInvalid,
        Assert.Throws<LowRankToolsException>(() => new FactorizePart(Options(new RankRule.Fixed(3), 2), PartNumber.Parse("1/2")).Run(Write(Random(2, 30, 20)))).ErrorId);

    private static ModelSource Of(FactorizationResult result) => new(result.Path, "m");

    private FactorizeOptions Options(RankRule rule, int share) => new() { Rule = rule, ShareBasis = share, UseCache = false, OutputPath = _folder["out"], Force = true };

    private ModelSource Write(params (string Name, long[] Shape, float[] Values)[] tensors) => new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");

    private FactorizationResult Factorize(RankRule rule, int share, params (string Name, long[] Shape, float[] Values)[] tensors) => new FactorizeModel(Options(rule, share)).Run(Write(tensors));

    private static (string Name, long[] Shape, float[] Values)[] Random(int layers, int rows, int columns) =>
        [.. Enumerable.Range(0, layers).Select(i => TestModel.Random($"h.{i}.fc.weight", i + 1, rows, columns))];

    /// <summary>Weights that stand below each other in a matrix of exactly these singular values.</summary>
    private static (string Name, long[] Shape, float[] Values)[] Stack(int layers, int rows, int columns, params double[] spectrum)
    {
        float[] stack = TestModel.WithSpectrum("stack", 5, layers * rows, columns, spectrum).Values;
        return [.. Enumerable.Range(0, layers).Select(i => ($"h.{i}.fc.weight", new long[] { rows, columns }, stack[(i * rows * columns)..((i + 1) * rows * columns)]))];
    }
}
