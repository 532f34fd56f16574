using System.Text.Json.Nodes;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>Heads get narrower in the file, in the configuration, and without a change where the features that go are not needed.</summary>
public sealed class ResizeHeadsTests : IDisposable
{
    private const int Width = 32, Size = 8, Half = Size / 2, Heads = 4, KeyHeads = 2;

    /// <summary>Pairs of features that queries and keys do without.</summary>
    private static readonly int[] s_silent = [0, 2];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(UnitSelection.Elimination, false, 1)]
    [InlineData(UnitSelection.Leverage, false, 1)]
    [InlineData(UnitSelection.Elimination, true, 1)]
    [InlineData(UnitSelection.Leverage, true, 1)]
    [InlineData(UnitSelection.Elimination, false, 8)]
    public void A_network_whose_heads_have_less_in_them_than_their_size_answers_as_before(UnitSelection selection, bool bias, double slower)
    {
        ModelSource source = Model(bias, slower);
        byte[] before = File.ReadAllBytes(source.Path);
        ResizeResult result = new ResizeModel(Options(source) with { HeadSize = Half, Selection = selection }).Run(source);
        Assert.Equal((Size, Half, 2, null, 0), (result.HeadSizeBefore, result.HeadSize, result.ResizedAttention, result.Hidden, result.ResizedParts));
        Assert.All(result.Parts, p => Assert.InRange(p.CalibratedError, 0, bias ? 1 : 1e-3));
        Assert.All(result.Parts, p => Assert.Equal(0, p.LostScores!.Value, 1e-9));
        using RunnableModel large = RunnableModel.Open(source), small = RunnableModel.Open(result.Path);
        (LlamaConfig old, LlamaConfig now) = (Assert.IsType<LlamaConfig>(large.Config), Assert.IsType<LlamaConfig>(small.Config));
        Assert.Equal(old with { HeadWidth = Half, Rotary = now.Rotary }, now);
        double[] turns = old.Rotary.Frequencies(Size), left = now.Rotary.Frequencies(Half);
        Assert.All(left.Zip([turns[1], turns[3]]), p => Assert.Equal(p.Second, p.First, 1e-12 * p.Second));
        Assert.Equal(large.Parameters - small.Parameters, result.ParametersBefore - result.Parameters);
        Assert.InRange(TestModel.RelativeError([.. Answers(small).Select(v => (float)v)], Answers(large)), 0, 2e-3);
        Assert.Equal(before, File.ReadAllBytes(source.Path));
    }

    [Fact]
    public void Heads_and_hidden_units_shrink_in_one_run()
    {
        ModelSource source = Model(bias: false);
        ResizeResult both = new ResizeModel(Options(source) with { HeadSize = Half, HiddenSize = 20, OutputPath = _folder["both"] }).Run(source);
        ResizeResult units = new ResizeModel(Options(source) with { HiddenSize = 20, OutputPath = _folder["units"] }).Run(source);
        Assert.Equal((20, Half, 4), (both.Hidden, both.HeadSize, both.Parts.Count));
        Dictionary<string, (long[] Shape, float[] Values)> first = TestModel.Read(both.Path), second = TestModel.Read(units.Path);
        Assert.All(first.Keys.Where(n => n.Contains(".mlp.", StringComparison.Ordinal)), n => Assert.Equal(second[n].Values, first[n].Values));
        using RunnableModel small = RunnableModel.Open(both.Path);
        Assert.Equal((20, Half), small.Config is LlamaConfig config ? (config.Hidden, config.HeadWidth) : default);
    }

    [Fact]
    public void Keys_that_stay_are_bit_for_bit_what_they_were_and_queries_make_up_for_the_size()
    {
        ModelSource source = Model(bias: false);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(new ResizeModel(Options(source) with { HeadSize = Half }).Run(source).Path);
        (string Name, int Heads, float Scale)[] projections = [("k_proj", KeyHeads, 1), ("q_proj", Heads, MathF.Sqrt(0.5f))];
        foreach ((string name, int heads, float scale) in projections)
        {
            float[][] before = Rows(old[$"model.layers.1.self_attn.{name}.weight"].Values), after = Rows(now[$"model.layers.1.self_attn.{name}.weight"].Values);
            Assert.Equal(heads * Half, after.Length);
            // Pairs are feature i and i + 4 of eight, i and i + 2 of four; 1 and 3 stay.
            for (int i = 0; i < after.Length; i++)
                Assert.Equal(before[i / Half * Size + (i % 2 == 0 ? 1 : 3) + i % Half / 2 * Half].Select(v => v * scale), after[i]);
        }
    }

    [Fact]
    public void Heads_that_keep_their_size_keep_every_bit()
    {
        ModelSource source = Model(bias: true);
        ResizeResult result = new ResizeModel(Options(source) with { HeadSize = Size }).Run(source);
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
        ModelSource source = Model(bias: false);
        ResizeResult values = new ResizeModel(Options(source) with { ValueSize = Half, OutputPath = _folder["values"] }).Run(source);
        Assert.Equal((Size, Size, Size, Half, 2), (values.HeadSizeBefore, values.HeadSize, values.ValueSizeBefore, values.ValueSize, values.ResizedAttention));
        Assert.All(values.Parts, p => Assert.Null(p.LostScores));
        Assert.Contains("v_head_dim", values.Note, StringComparison.Ordinal);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(values.Path);
        Assert.All(old.Keys.Where(n => !n.Contains("v_proj", StringComparison.Ordinal) && !n.Contains("o_proj", StringComparison.Ordinal)), n => Assert.Equal(old[n].Values, now[n].Values));
        using RunnableModel large = RunnableModel.Open(source), small = RunnableModel.Open(values.Path);
        Assert.Equal(Assert.IsType<LlamaConfig>(large.Config) with { ValueWidth = Half }, small.Config);
        Assert.InRange(TestModel.RelativeError([.. Answers(small).Select(v => (float)v)], Answers(large)), 0, 2e-3);
        // What the values' heads have by now, queries and keys may come to: values stay bit for bit.
        ModelSource narrow = new(values.Path, "narrow");
        string file = _folder["narrow.calibration.safetensors"];
        new ExportCalibration(new ExportCalibrationOptions { Input = new InputText { TokenPath = _folder["tokens.txt"] }, OutputPath = file }).Run(narrow);
        ResizeResult both = new ResizeModel(new ResizeOptions { HeadSize = Half, OutputPath = _folder["both"], Calibration = new CalibrationOptions { Path = file } }).Run(narrow);
        Assert.Equal((Half, Half, Half), (both.HeadSize, both.ValueSizeBefore, both.ValueSize));
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
        FittedValues fitted = new ValueFit(Dense.Engine, shape, Half, new ValueWeights(HostMatrix.Single(value.View), null, HostMatrix.Single(output.View), null),
            new ResizeOptions { HeadSize = Half, Calibration = new CalibrationOptions { Path = "none", Damping = 1e-12 } }, default).Compute(fed, source);
        double[,] narrow = Dense.Multiply(Wide(fitted.Projection), gathered), rest = Dense.Add(Dense.Multiply(o, gathered), Dense.Multiply(Wide(fitted.Output), narrow), -1);
        double[,] common = Dense.Multiply(rest, Dense.Transpose(narrow));
        Assert.InRange(Math.Sqrt(Dense.SquaredNorm(common) / Dense.SquaredNorm(rest) / Dense.SquaredNorm(narrow)), 0, 1e-5);
        Assert.True(Dense.SquaredNorm(rest) > 1e-6 * Dense.SquaredNorm(o), "nothing is left over: the fit shows nothing");
    }

    [Fact]
    public void The_same_bytes_come_of_any_number_of_threads()
    {
        ModelSource source = Model(bias: true);
        byte[] Bytes(int threads) => File.ReadAllBytes(new ResizeModel(Options(source) with { HeadSize = 6, ThreadCount = threads, OutputPath = _folder[$"t{threads}"] }).Run(source).Path);
        Assert.Equal(Bytes(1), Bytes(2));
    }

    [Fact]
    public void Turns_stay_beside_their_base_where_newer_configurations_have_both()
    {
        ModelSource source = Model(bias: false);
        ResizeOptions options = Options(source) with { HeadSize = Half };
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
        ModelSource source = Model(bias: true);
        ResizeOptions options = Options(source) with { HeadSize = 2 };
        ResizeResult plan = new ResizeModel(options with { WhatIf = true }).Run(source);
        Assert.False(plan.Written || Directory.Exists(_folder["model-resized"]));
        ResizeResult made = new ResizeModel(options).Run(source);
        Assert.Equal((plan.Parameters, plan.Bytes, plan.HeadSize, plan.ResizedAttention), (made.Parameters, made.Bytes, made.HeadSize, made.ResizedAttention));
    }

    [Theory]
    [InlineData("\"model_type\": \"llama\"", "\"model_type\": \"gemma\"", CoreErrors.HeadSizeUnsupported)]
    [InlineData("\"head_dim\": 8", "\"head_dim\": 8, \"partial_rotary_factor\": 0.5", CoreErrors.HeadSizeUnsupported)]
    [InlineData("\"head_dim\": 8", "\"head_dim\": 4", CoreErrors.WeightsDoNotFit)]
    [InlineData("\"head_dim\": 8", "\"head_dim\": 8, \"v_head_dim\": 4", CoreErrors.WeightsDoNotFit)]
    [InlineData("\"head_dim\": 8", "\"head_dim\": 8, \"v_head_dim\": -8", CoreErrors.ConfigInvalid)]
    [InlineData("\"num_attention_heads\": 4", "\"num_attention_heads\": 0", CoreErrors.ConfigInvalid)]
    [InlineData("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", CoreErrors.ConfigInvalid)]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2}", CoreErrors.ArchitectureUnsupported)]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"longrope\", \"factor\": 1, \"short_factor\": [1, 1], \"long_factor\": [1, 1]}", CoreErrors.ConfigInvalid)]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"longrope\", \"factor\": 1, \"short_factor\": [1, 1, 1, 0], \"long_factor\": [1, 1, 1, 0]}", CoreErrors.ConfigInvalid)]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"longrope\", \"factor\": 1, \"short_factor\": [1, 1, 1, 1], \"long_factor\": [1, 1, 1, 2]}", CoreErrors.ArchitectureUnsupported)]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"longrope\", \"factor\": 4, \"short_factor\": [1, 1, 1, 1], \"long_factor\": [1, 1, 1, 1]}", CoreErrors.ArchitectureUnsupported)]
    [InlineData("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"longrope\", \"factor\": 1, \"short_factor\": [1, 1, 1, \"x\"], \"long_factor\": [1, 1, 1, 1]}", CoreErrors.ConfigInvalid)]
    [InlineData("\"rope_theta\": 10000", "\"rope_theta\": 0", CoreErrors.ConfigInvalid)]
    public void Configurations_that_cannot_say_it_are_refused_by_name(string said, string instead, string error)
    {
        ModelSource source = Model(bias: false);
        ResizeOptions options = Options(source) with { HeadSize = 4 };
        string path = _folder["model/config.json"], text = File.ReadAllText(path);
        Assert.Contains(said, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(said, instead, StringComparison.Ordinal));
        Assert.Equal(error, Refused(source, options));
        Assert.False(Directory.Exists(_folder["model-resized"]));
    }

    [Fact]
    public void What_cannot_be_is_refused_by_name()
    {
        ModelSource source = Model(bias: false);
        ResizeOptions options = Options(source);
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HeadSize = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HeadSize = 5 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HeadSize = Size + 2 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { ValueSize = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { ValueSize = Size + 1 }));
        ModelSource gpt = new ModelFolder(new Gpt2Config { Vocabulary = 20, Positions = 16, Width = 16, Depth = 1, Heads = 2, Hidden = 32 }).Write(_folder["gpt"]);
        Assert.Equal(CoreErrors.HeadSizeUnsupported, Refused(gpt, options with { HeadSize = 4 }));
        FactorizationResult pairs = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(4), OutputPath = _folder["pairs"] }).Run(source);
        Assert.Equal(CoreErrors.HeadSizeUnsupported, Refused(new ModelSource(pairs.Path, "pairs"), options with { HeadSize = 4 }));
        ModelSource bare = new(TestModel.Write(_folder["bare/model.safetensors"], [.. TestModel.Read(source.Path).Select(t => (t.Key, t.Value.Shape, t.Value.Values))]), "bare");
        Assert.Equal(CoreErrors.HeadSizeUnsupported, Refused(bare, options with { HeadSize = 4 }));
        File.Copy(_folder["model/config.json"], _folder["bare/config.json"]);
        string file = CalibrationFiles.Write(_folder["own.safetensors"], [.. Of("q_proj", Width), .. Of("k_proj", Width), .. Of("o_proj", Heads * Size)]);
        Assert.Equal(CoreErrors.CalibrationUnmatched, Refused(bare, options with { HeadSize = 4, Calibration = new CalibrationOptions { Path = file } }));
        string diagonal = CalibrationFiles.Write(_folder["diagonal.safetensors"], [.. Of("k_proj", Width), .. Of("v_proj", Width), .. Of("o_proj", Heads * Size),
            .. Enumerable.Range(0, 2).Select(i => CalibrationFiles.Tensor($"model.layers.{i}.self_attn.q_proj.gram", new double[1, Width], vector: true))]);
        Assert.Equal(CoreErrors.CalibrationInvalid, Refused(bare, options with { HeadSize = 4, Calibration = new CalibrationOptions { Path = diagonal } }));
        ModelSource normed = new(TestModel.Write(_folder["bare/model.safetensors"], [.. TestModel.Read(source.Path).Select(t => (t.Key, t.Value.Shape, t.Value.Values)), TestModel.Random("model.layers.0.self_attn.q_norm.weight", 1, Size)]), "bare");
        Assert.Equal(CoreErrors.HeadSizeUnsupported, Refused(normed, options with { HeadSize = 4 }));

        static IEnumerable<(string, Formats.Tensors.TensorDType, double[,], bool)> Of(string module, int inputs) =>
            Enumerable.Range(0, 2).Select(i => CalibrationFiles.Gram($"model.layers.{i}.self_attn.{module}", Dense.Inputs(i, inputs, 60)));
    }

    [Theory]
    [InlineData("qwen2", "x", CoreErrors.HeadSizeUnsupported)]
    [InlineData("llama", "llama.rope.scaling.type", CoreErrors.HeadSizeUnsupported)]
    [InlineData("llama", "x", CoreErrors.CalibrationUnmatched)]
    public void Of_gguf_only_what_reads_the_turns_is_taken(string architecture, string key, string error)
    {
        ModelSource source = TestGguf.Model(architecture).KeyValue($"{architecture}.embedding_length", Width).KeyValue(key, "yarn")
            .With(TestModel.Random("blk.0.attn_q.weight", 1, Width, Width)).With(TestModel.Random("blk.0.attn_k.weight", 2, Width / 2, Width)).With(TestModel.Random("blk.0.attn_v.weight", 3, Width / 2, Width))
            .With(TestModel.Random("blk.0.attn_output.weight", 4, Width, Width)).Write(_folder["odd.gguf"]);
        string file = CalibrationFiles.Write(_folder["own.safetensors"], CalibrationFiles.Gram("other", Dense.Inputs(1, 4, 9)));
        ResizeOptions options = new() { HeadSize = 4, OutputPath = _folder["small.gguf"], Calibration = new CalibrationOptions { Path = file } };
        Assert.Equal(error, Refused(source, options));
        Assert.Equal(CoreErrors.HeadSizeUnsupported, Refused(source, options with { ValueSize = 3 }));
    }

    private static string Refused(ModelSource source, ResizeOptions options) => Assert.ThrowsAny<LowRankToolsException>(() => new ResizeModel(options).Run(source)).ErrorId;

    private ResizeOptions Options(ModelSource source)
    {
        string tokens = _folder["tokens.txt"], file = _folder["model.calibration.safetensors"];
        if (!File.Exists(file))
        {
            Random random = new(3);
            File.WriteAllLines(tokens, Enumerable.Range(0, 60).Select(_ => string.Join(' ', Enumerable.Range(0, 12).Select(_ => random.Next(60)))));
            new ExportCalibration(new ExportCalibrationOptions { Input = new InputText { TokenPath = tokens }, OutputPath = file }).Run(source);
        }
        return new ResizeOptions { Calibration = new CalibrationOptions { Path = file } };
    }

    /// <summary>A model whose queries and keys leave two of four pairs empty, and whose heads of values have four directions in eight features; biases of values have all.</summary>
    private ModelSource Model(bool bias, double slower = 1)
    {
        LlamaConfig config = new()
        {
            Vocabulary = 60, Positions = 16, Width = Width, Depth = 2, Heads = Heads, KeyValueHeads = KeyHeads, HeadWidth = Size, Hidden = 64, AttentionBias = bias,
            Rotary = slower > 1 ? new RotaryConfig { Base = 50, Factor = slower, OriginalPositions = 16 } : new RotaryConfig(),
        };
        ModelSource source = new ModelFolder(config) { Seed = 5 }.Write(_folder["model"]);
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(source.Path);
        DeterministicRandom random = new(7);
        foreach ((string name, (long[] shape, float[] values)) in tensors)
        {
            int columns = shape.Length == 2 ? (int)shape[1] : 1;
            if (name.EndsWith(".bias", StringComparison.Ordinal))
                random.FillGaussian<float>(values);
            if (name.Contains("q_proj", StringComparison.Ordinal) || name.Contains("k_proj", StringComparison.Ordinal))
            {
                for (int row = 0; row < values.Length / columns; row++)
                {
                    if (s_silent.Contains(row % Half))
                        Array.Clear(values, row * columns, columns);
                }
            }
            else if (name.EndsWith("v_proj.weight", StringComparison.Ordinal))
            {
                for (int row = 0; row < KeyHeads * Size; row++)
                {
                    // The second half of a head's features is the sum of two of the first.
                    for (int j = 0; j < columns && row % Size >= Half; j++)
                        values[row * columns + j] = values[(row - Half) * columns + j] + values[(row - Half - row % Half + (row + 1) % Half) * columns + j];
                }
            }
        }
        TestModel.Write(source.Path, new Dictionary<string, string> { ["format"] = "pt" }, [.. tensors.Select(t => (t.Key, t.Value.Shape, t.Value.Values))]);
        return source;
    }

    private static double[] Answers(RunnableModel model)
    {
        using NetworkOutput output = model.Forward(new TokenBatch([3, 17, 58, 0, 22, 9, 41, 30], 2));
        return model.Engine.ToArray(output.Hidden);
    }

    private static float[][] Rows(float[] values) => [.. values.Chunk(Width)];

    private static double[,] Wide(Numerics.Matrices.Matrix<float> matrix)
    {
        using Numerics.Matrices.Matrix<double> wide = HostMatrix.Of(matrix.View);
        return Dense.Of(wide);
    }
}
