using System.Text.Json;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Core.Tokens;
using LowRankTools.Formats;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>Feed-forward parts get smaller in the file, in the configuration, and without a change where the units that go are not needed.</summary>
public sealed class ResizeModelTests : IDisposable
{
    private const int Hidden = 64, Half = Hidden / 2;

    private static readonly TransformerConfig[] s_configs =
    [
        new BertConfig { Vocabulary = 60, Width = 32, Depth = 2, Heads = 4, Hidden = Hidden, Positions = 16, HasPooler = true },
        new Gpt2Config { Vocabulary = 60, Positions = 16, Width = 32, Depth = 2, Heads = 4, Hidden = Hidden },
        new LlamaConfig { Vocabulary = 60, Positions = 16, Width = 32, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 8, Hidden = Hidden, HasTokenHead = true },
    ];

    private readonly TestFolder _folder = new();

    public static TheoryData<string, UnitSelection> Cases
    {
        get
        {
            TheoryData<string, UnitSelection> cases = [];
            foreach (TransformerConfig config in s_configs)
            {
                cases.Add(config.ModelType, UnitSelection.Elimination);
                cases.Add(config.ModelType, UnitSelection.Leverage);
            }
            return cases;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_network_whose_units_stand_in_for_one_another_answers_as_before(string type, UnitSelection selection)
    {
        // Leverage scores of equal units are equal, and it may keep both: units that never act are as good to leave out.
        ModelSource source = Model(type, twins: selection == UnitSelection.Elimination);
        byte[] before = File.ReadAllBytes(source.Path);
        ResizeResult result = new ResizeModel(Options(source) with { KeepRatio = 0.5, Selection = selection }).Run(source);
        Assert.Equal((Hidden, Half, 2), (result.HiddenBefore, result.Hidden, result.ResizedParts));
        Assert.Equal(_folder["model-resized/model.safetensors"], result.Path);
        Assert.All(result.Parts, p => Assert.InRange(p.CalibratedError, 0, 1e-3));
        using RunnableModel large = RunnableModel.Open(source), small = RunnableModel.Open(result.Path);
        Assert.Equal((large.Parameters - small.Parameters, large.Config with { }), (result.ParametersBefore - result.Parameters, With(small.Config, Hidden)));
        double[] expected = Answers(large), answers = Answers(small);
        Assert.InRange(TestModel.RelativeError([.. answers.Select(v => (float)v)], expected), 0, 2e-3);
        Assert.Equal(before, File.ReadAllBytes(source.Path));
    }

    [Fact]
    public void Rows_that_stay_and_tensors_beside_them_are_bit_for_bit_what_they_were()
    {
        ModelSource source = Model("llama", twins: true);
        ResizeResult result = new ResizeModel(Options(source) with { HiddenSize = 20 }).Run(source);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(result.Path);
        Assert.Equal(old.Keys.Order(), now.Keys.Order());
        Assert.All(old.Keys.Where(n => !n.Contains(".mlp.", StringComparison.Ordinal)), n => Assert.Equal(old[n].Values, now[n].Values));
        (float[][] up, float[][] gate) = (Rows(now["model.layers.1.mlp.up_proj.weight"].Values), Rows(now["model.layers.1.mlp.gate_proj.weight"].Values));
        (float[][] ups, float[][] gates) = (Rows(old["model.layers.1.mlp.up_proj.weight"].Values), Rows(old["model.layers.1.mlp.gate_proj.weight"].Values));
        Assert.Equal(20, up.Length);
        // A unit is a row of both.
        Assert.All(up.Zip(gate), pair => Assert.Contains(ups.Zip(gates), p => p.First.SequenceEqual(pair.First) && p.Second.SequenceEqual(pair.Second)));
    }

    [Fact]
    public void The_error_said_is_that_of_the_outputs_on_the_inputs_of_the_file()
    {
        ModelSource source = Model("llama", twins: false);
        double[,] first = Dense.Inputs(1, Hidden, 200), second = Dense.Inputs(2, Hidden, 200);
        string file = CalibrationFiles.Write(_folder["own.safetensors"], CalibrationFiles.Gram("model.layers.0.mlp.down_proj", first), CalibrationFiles.Gram("model.layers.1.mlp.down_proj", second));
        ResizeResult result = new ResizeModel(Options(source) with { HiddenSize = 10, Calibration = new CalibrationOptions { Path = file } }).Run(source);
        Dictionary<string, (long[] Shape, float[] Values)> old = TestModel.Read(source.Path), now = TestModel.Read(result.Path);
        float[][] ups = Rows(old["model.layers.1.mlp.up_proj.weight"].Values), kept = Rows(now["model.layers.1.mlp.up_proj.weight"].Values);
        int[] units = [.. kept.Select(row => Array.FindIndex(ups, u => u.SequenceEqual(row)))];
        double[,] large = Matrix(old["model.layers.1.mlp.down_proj.weight"]), small = Matrix(now["model.layers.1.mlp.down_proj.weight"]), chosen = new double[units.Length, 200];
        for (int i = 0; i < units.Length; i++)
        {
            for (int t = 0; t < 200; t++)
                chosen[i, t] = second[units[i], t];
        }
        double[,] whole = Dense.Multiply(large, second);
        double error = Math.Sqrt(Dense.SquaredNorm(Dense.Add(whole, Dense.Multiply(small, chosen), -1)) / Dense.SquaredNorm(whole));
        Assert.Equal(error, result.Parts[1].CalibratedError, 1e-5);
        Assert.InRange(error, 1e-3, 1);
    }

    [Fact]
    public void A_vision_transformer_gets_narrower_too()
    {
        ModelSource source = new ModelFolder(new VitConfig { ImageSize = 8, PatchSize = 4, Width = 16, Depth = 2, Heads = 2, Hidden = Hidden }).Write(_folder["vit"]);
        string file = CalibrationFiles.Write(_folder["own.safetensors"], [.. Enumerable.Range(0, 2).Select(i => CalibrationFiles.Gram($"vit.encoder.layer.{i}.output.dense", Dense.Inputs(i, Hidden, 200)))]);
        ResizeResult result = new ResizeModel(new ResizeOptions { HiddenSize = 24, Calibration = new CalibrationOptions { Path = file } }).Run(source);
        using RunnableModel small = RunnableModel.Open(result.Path);
        Assert.Equal(24, Assert.IsType<VitConfig>(small.Config).Hidden);
        Assert.All(result.Parts, p => Assert.InRange(p.CalibratedError, 1e-3, 1));
    }

    [Fact]
    public void A_tensor_that_is_called_as_a_module_beside_its_weight_hides_no_part()
    {
        ModelSource source = new(TestModel.Write(_folder["odd/model.safetensors"],
            TestModel.Random("layer.0.intermediate.dense.weight", 1, 12, 6), TestModel.Random("layer.0.output.dense.weight", 2, 6, 12), TestModel.Random("layer.0.output.dense.zero", 3, 6),
            TestModel.Random("other", 4, 6), TestModel.Random("other.weight", 5, 6, 6)), "odd");
        using Model model = LowRankTools.Core.Models.Model.Open(source);
        Assert.Equal(12, Assert.Single(FeedForwardParts.Of(model)).Hidden);
    }

    [Fact]
    public void The_same_bytes_come_of_any_number_of_threads()
    {
        ModelSource source = Model("bert", twins: true);
        byte[] Bytes(int threads) => File.ReadAllBytes(new ResizeModel(Options(source) with { KeepRatio = 0.3, ThreadCount = threads, OutputPath = _folder[$"t{threads}"] }).Run(source).Path);
        Assert.Equal(Bytes(1), Bytes(2));
    }

    [Fact]
    public void What_if_tells_the_sizes_and_writes_nothing()
    {
        ModelSource source = Model("gpt2", twins: true);
        ResizeOptions options = Options(source) with { KeepRatio = 0.25 };
        ResizeResult plan = new ResizeModel(options with { WhatIf = true }).Run(source);
        Assert.False(plan.Written || Directory.Exists(_folder["model-resized"]));
        ResizeResult made = new ResizeModel(options).Run(source);
        Assert.Equal((plan.Parameters, plan.Bytes, plan.Hidden, 16), (made.Parameters, made.Bytes, made.Hidden, made.Hidden));
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(_folder["model-resized/config.json"]));
        Assert.Equal(16, config.RootElement.GetProperty("n_inner").GetInt32());
        Assert.Equal(CoreErrors.OutputExists, Refused(source, options));
        Assert.True(new ResizeModel(options with { Force = true }).Run(source).Written);
    }

    [Fact]
    public void What_cannot_be_is_refused_by_name()
    {
        ModelSource source = Model("bert", twins: true), other = new ModelFolder(s_configs[2]).Write(_folder["other"]);
        ResizeOptions options = Options(source);
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { KeepRatio = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { KeepRatio = 0.5, HiddenSize = 4 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HiddenSize = Hidden + 1 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HiddenSize = 4, OutputPath = _folder["alone.safetensors"] }));
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Refused(source, options with { HiddenSize = 4, Format = ModelFormat.Onnx }));
        Assert.Equal(CoreErrors.CalibrationUnmatched, Refused(other, options with { HiddenSize = 4 }));
        string diagonal = CalibrationFiles.Write(_folder["diagonal.safetensors"], [.. Enumerable.Range(0, 2).Select(i => CalibrationFiles.Tensor($"bert.encoder.layer.{i}.output.dense.gram", new double[1, Hidden], vector: true))]);
        Assert.Equal(CoreErrors.CalibrationInvalid, Refused(source, options with { HiddenSize = 4, Calibration = new CalibrationOptions { Path = diagonal } }));
        FactorizationResult pairs = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(4), OutputPath = _folder["pairs"] }).Run(source);
        Assert.Equal(CoreErrors.FeedForwardNotFound, Refused(new ModelSource(pairs.Path, "pairs"), options with { HiddenSize = 4 }));
        Assert.Equal(CoreErrors.OutputIsSource, Refused(source, options with { HiddenSize = 4, Format = ModelFormat.PyTorch, OutputPath = _folder.Path, Force = true }));
        File.WriteAllText(_folder["model/config.json"], File.ReadAllText(_folder["model/config.json"]).Replace("\"intermediate_size\": 64", "\"intermediate_size\": 65", StringComparison.Ordinal));
        Assert.Equal(CoreErrors.ConfigInvalid, Refused(source, options with { HiddenSize = 4 }));
        Assert.False(Directory.Exists(_folder["model-resized"]));
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

    /// <summary>A model half of whose hidden units are the others once more, or never act.</summary>
    private ModelSource Model(string type, bool twins)
    {
        ModelSource source = new ModelFolder(s_configs.Single(c => c.ModelType == type)) { Seed = 5 }.Write(_folder["model"]);
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(source.Path);
        foreach ((string name, (long[] shape, float[] values)) in tensors)
        {
            bool reads = name.Contains("mlp.c_fc", StringComparison.Ordinal) || name.Contains("intermediate", StringComparison.Ordinal) || name.Contains("up_proj", StringComparison.Ordinal) || name.Contains("gate_proj", StringComparison.Ordinal);
            if (!reads)
                continue;
            // Each unit's entries lie `stride` apart where inputs come first.
            int width = values.Length / Hidden;
            bool columns = shape.Length == 2 && shape[1] == Hidden && shape[0] != Hidden;
            for (int unit = 0; unit < Half; unit++)
            {
                for (int j = 0; j < width; j++)
                    values[columns ? j * Hidden + unit + Half : (unit + Half) * width + j] = twins ? values[columns ? j * Hidden + unit : unit * width + j] : 0;
            }
        }
        TestModel.Write(source.Path, new Dictionary<string, string> { ["format"] = "pt" }, [.. tensors.Select(t => (t.Key, t.Value.Shape, t.Value.Values))]);
        return source;
    }

    private static TransformerConfig With(TransformerConfig config, int hidden) => config switch
    {
        BertConfig bert => bert with { Hidden = hidden },
        Gpt2Config gpt2 => gpt2 with { Hidden = hidden },
        LlamaConfig llama => llama with { Hidden = hidden },
        _ => config,
    };

    private static double[] Answers(RunnableModel model)
    {
        using NetworkOutput output = model.Forward(new TokenBatch([3, 17, 58, 0, 22, 9, 41, 30], 2));
        return model.Engine.ToArray(output.Hidden);
    }

    private static float[][] Rows(float[] values) => [.. values.Chunk(32)];

    private static double[,] Matrix((long[] Shape, float[] Values) tensor)
    {
        double[,] matrix = new double[tensor.Shape[0], tensor.Shape[1]];
        for (int i = 0; i < tensor.Values.Length; i++)
            matrix[i / tensor.Shape[1], i % tensor.Shape[1]] = tensor.Values[i];
        return matrix;
    }
}
