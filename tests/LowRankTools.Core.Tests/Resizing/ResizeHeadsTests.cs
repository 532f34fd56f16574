using System.Text.Json.Nodes;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using static LowRankTools.Core.Tests.Resizing.SilentHeads;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>Heads get narrower in the file, in the configuration, and without a change where the features that go are not needed.</summary>
public sealed class ResizeHeadsTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SilentHeads _heads;

    public ResizeHeadsTests() => _heads = new SilentHeads(_folder);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(UnitSelection.Elimination, false, 1)]
    [InlineData(UnitSelection.Leverage, false, 1)]
    [InlineData(UnitSelection.Elimination, true, 1)]
    [InlineData(UnitSelection.Leverage, true, 1)]
    [InlineData(UnitSelection.Elimination, false, 8)]
    public void A_network_whose_heads_have_less_in_them_than_their_size_answers_as_before(UnitSelection selection, bool bias, double slower)
    {
        ModelSource source = _heads.Model(bias, slower);
        byte[] before = File.ReadAllBytes(source.Path);
        ResizeResult result = new ResizeModel(_heads.Options(source) with { HeadSize = HalfSize, Selection = selection }).Run(source);
        Assert.Equal((Size, HalfSize, 2, null, 0), (result.HeadSizeBefore, result.HeadSize, result.ResizedAttention, result.Hidden, result.ResizedParts));
        Assert.All(result.Parts, p => Assert.InRange(p.CalibratedError, 0, bias ? 1 : 1e-3));
        Assert.All(result.Parts, p => Assert.Equal(0, p.LostScores!.Value, 1e-9));
        using RunnableModel large = RunnableModel.Open(source), small = RunnableModel.Open(result.Path);
        (LlamaConfig old, LlamaConfig now) = (Assert.IsType<LlamaConfig>(large.Config), Assert.IsType<LlamaConfig>(small.Config));
        Assert.Equal(old with { HeadWidth = HalfSize, Rotary = now.Rotary }, now);
        double[] turns = old.Rotary.Frequencies(Size), left = now.Rotary.Frequencies(HalfSize);
        Assert.All(left.Zip([turns[1], turns[3]]), p => Assert.Equal(p.Second, p.First, 1e-12 * p.Second));
        Assert.Equal(large.Parameters - small.Parameters, result.ParametersBefore - result.Parameters);
        Assert.InRange(TestModel.RelativeError([.. Answers(small).Select(v => (float)v)], Answers(large)), 0, 2e-3);
        Assert.Equal(before, File.ReadAllBytes(source.Path));
    }

    [Fact]
    public void Heads_and_hidden_units_shrink_in_one_run()
    {
        ModelSource source = _heads.Model(bias: false);
        ResizeResult both = new ResizeModel(_heads.Options(source) with { HeadSize = HalfSize, HiddenSize = 20, OutputPath = _folder["both"] }).Run(source);
        ResizeResult units = new ResizeModel(_heads.Options(source) with { HiddenSize = 20, OutputPath = _folder["units"] }).Run(source);
        Assert.Equal((20, HalfSize, 4), (both.Hidden, both.HeadSize, both.Parts.Count));
        Dictionary<string, (long[] Shape, float[] Values)> first = TestModel.Read(both.Path), second = TestModel.Read(units.Path);
        Assert.All(first.Keys.Where(n => n.Contains(".mlp.", StringComparison.Ordinal)), n => Assert.Equal(second[n].Values, first[n].Values));
        using RunnableModel small = RunnableModel.Open(both.Path);
        Assert.Equal((20, HalfSize), small.Config is LlamaConfig config ? (config.Hidden, config.HeadWidth) : default);
    }

    [Fact]
    public void Keys_that_stay_are_bit_for_bit_what_they_were_and_queries_make_up_for_the_size()
    {
        ModelSource source = _heads.Model(bias: false);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(new ResizeModel(_heads.Options(source) with { HeadSize = HalfSize }).Run(source).Path);
        (string Name, int Heads, float Scale)[] projections = [("k_proj", KeyHeads, 1), ("q_proj", Heads, MathF.Sqrt(0.5f))];
        foreach ((string name, int heads, float scale) in projections)
        {
            float[][] before = Rows(old[$"model.layers.1.self_attn.{name}.weight"].Values), after = Rows(now[$"model.layers.1.self_attn.{name}.weight"].Values);
            Assert.Equal(heads * HalfSize, after.Length);
            // Pairs are feature i and i + 4 of eight, i and i + 2 of four; 1 and 3 stay.
            for (int i = 0; i < after.Length; i++)
                Assert.Equal(before[i / HalfSize * Size + (i % 2 == 0 ? 1 : 3) + i % HalfSize / 2 * HalfSize].Select(v => v * scale), after[i]);
        }
    }

    [Fact]
    public void Heads_that_keep_their_size_keep_every_bit()
    {
        ModelSource source = _heads.Model(bias: true);
        ResizeResult result = new ResizeModel(_heads.Options(source) with { HeadSize = Size }).Run(source);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(result.Path);
        Assert.Equal(old.Keys.Order(), now.Keys.Order());
        Assert.All(old.Keys, n => Assert.Equal(old[n].Values, now[n].Values));
        Assert.Equal((0, 0), (result.ResizedAttention, result.Parts.Count));
        using RunnableModel large = RunnableModel.Open(source), same = RunnableModel.Open(result.Path);
        Assert.Equal(large.Config, same.Config);
    }

    [Fact]
    public void Heads_of_values_shrink_alone_and_are_left_where_they_are_small_enough()
    {
        ModelSource source = _heads.Model(bias: false);
        ResizeResult values = new ResizeModel(_heads.Options(source) with { ValueSize = HalfSize, OutputPath = _folder["values"] }).Run(source);
        Assert.Equal((Size, Size, Size, HalfSize, 2), (values.HeadSizeBefore, values.HeadSize, values.ValueSizeBefore, values.ValueSize, values.ResizedAttention));
        Assert.All(values.Parts, p => Assert.Null(p.LostScores));
        Assert.Contains("v_head_dim", values.Note, StringComparison.Ordinal);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(values.Path);
        Assert.All(old.Keys.Where(n => !n.Contains("v_proj", StringComparison.Ordinal) && !n.Contains("o_proj", StringComparison.Ordinal)), n => Assert.Equal(old[n].Values, now[n].Values));
        using RunnableModel large = RunnableModel.Open(source), small = RunnableModel.Open(values.Path);
        Assert.Equal(Assert.IsType<LlamaConfig>(large.Config) with { ValueWidth = HalfSize }, small.Config);
        Assert.InRange(TestModel.RelativeError([.. Answers(small).Select(v => (float)v)], Answers(large)), 0, 2e-3);
        // What the values' heads have by now, queries and keys may come to: values stay bit for bit.
        ModelSource narrow = new(values.Path, "narrow");
        string file = _folder["narrow.calibration.safetensors"];
        new ExportCalibration(new ExportCalibrationOptions { Input = new InputText { TokenPath = _folder["tokens.txt"] }, OutputPath = file }).Run(narrow);
        ResizeResult both = new ResizeModel(new ResizeOptions { HeadSize = HalfSize, OutputPath = _folder["both"], Calibration = new CalibrationOptions { Path = file } }).Run(narrow);
        Assert.Equal((HalfSize, HalfSize, HalfSize), (both.HeadSize, both.ValueSizeBefore, both.ValueSize));
        Assert.Equal(now["model.layers.1.self_attn.v_proj.weight"].Values, TestModel.Read(both.Path)["model.layers.1.self_attn.v_proj.weight"].Values);
        using RunnableModel last = RunnableModel.Open(both.Path);
        Assert.InRange(TestModel.RelativeError([.. Answers(last).Select(v => (float)v)], Answers(large)), 0, 4e-3);
    }

    [Fact]
    public void What_reads_the_values_is_the_least_squares_fit_to_all_heads_at_once()
    {
        double[,] gathered = Dense.Inputs(1, Heads * Size, 100), o = Dense.Random(2, Width, Heads * Size);
        HeadShape shape = new(Heads, KeyHeads, Size, Size, new RotaryConfig(), Neighbours: false);
        using Numerics.Matrices.Matrix<double> value = Dense.Host(Dense.Random(3, KeyHeads * Size, Width)), output = Dense.Host(o);
        using LayerCalibration fed = new() { Inputs = new InputGrams(Dense.Gram(gathered)), Magnitudes = [], Count = 100 }, source = new() { Inputs = new InputGrams(Dense.Gram(Dense.Inputs(4, Width, 100))), Magnitudes = [], Count = 100 };
        FittedValues fitted = new ValueFit(Dense.Engine, shape, HalfSize, new ValueWeights(HostMatrix.Single(value.View), null, HostMatrix.Single(output.View), null),
            new ResizeOptions { HeadSize = HalfSize, Calibration = new CalibrationOptions { Path = "none", Damping = 1e-12 } }, default).Compute(fed, source);
        double[,] narrow = Dense.Multiply(Wide(fitted.Projection), gathered), rest = Dense.Add(Dense.Multiply(o, gathered), Dense.Multiply(Wide(fitted.Output), narrow), -1);
        double[,] common = Dense.Multiply(rest, Dense.Transpose(narrow));
        Assert.InRange(Math.Sqrt(Dense.SquaredNorm(common) / Dense.SquaredNorm(rest) / Dense.SquaredNorm(narrow)), 0, 1e-5);
        Assert.True(Dense.SquaredNorm(rest) > 1e-6 * Dense.SquaredNorm(o), "nothing is left over: the fit shows nothing");
    }

    [Fact]
    public void The_same_bytes_come_of_any_number_of_threads()
    {
        ModelSource source = _heads.Model(bias: true);
        byte[] Bytes(int threads) => File.ReadAllBytes(new ResizeModel(_heads.Options(source) with { HeadSize = 6, ThreadCount = threads, OutputPath = _folder[$"t{threads}"] }).Run(source).Path);
        Assert.Equal(Bytes(1), Bytes(2));
    }

    [Fact]
    public void Turns_stay_beside_their_base_where_newer_configurations_have_both()
    {
        ModelSource source = _heads.Model(bias: false);
        ResizeOptions options = _heads.Options(source) with { HeadSize = HalfSize };
        string path = _folder["model/config.json"];
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"rope_theta\": 10000,", "\"rope_parameters\": { \"rope_type\": \"default\", \"rope_theta\": 500 },", StringComparison.Ordinal));
        ResizeResult result = new ResizeModel(options).Run(source);
        JsonObject rotary = JsonNode.Parse(File.ReadAllText(_folder["model-resized/config.json"]))!["rope_parameters"]!.AsObject();
        Assert.Equal(("longrope", 500), (rotary["rope_type"]!.GetValue<string>(), rotary["rope_theta"]!.GetValue<double>()));
        using RunnableModel large = RunnableModel.Open(source), small = RunnableModel.Open(result.Path);
        Assert.InRange(TestModel.RelativeError([.. Answers(small).Select(v => (float)v)], Answers(large)), 0, 2e-3);
    }

    [Fact]
    public void What_if_tells_the_sizes_and_writes_nothing()
    {
        ModelSource source = _heads.Model(bias: true);
        ResizeOptions options = _heads.Options(source) with { HeadSize = 2 };
        ResizeResult plan = new ResizeModel(options with { WhatIf = true }).Run(source);
        Assert.False(plan.Written || Directory.Exists(_folder["model-resized"]));
        ResizeResult made = new ResizeModel(options).Run(source);
        Assert.Equal((plan.Parameters, plan.Bytes, plan.HeadSize, plan.ResizedAttention), (made.Parameters, made.Bytes, made.HeadSize, made.ResizedAttention));
    }

    private static float[][] Rows(float[] values) => [.. values.Chunk(Width)];

    private static double[,] Wide(Numerics.Matrices.Matrix<float> matrix)
    {
        using Numerics.Matrices.Matrix<double> wide = HostMatrix.Of(matrix.View);
        return Dense.Of(wide);
    }
}
