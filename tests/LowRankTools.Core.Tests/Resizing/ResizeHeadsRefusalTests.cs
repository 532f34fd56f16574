using LowRankTools.Core.Architectures;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Resizing.SilentHeads;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>Sizes, configurations and models whose heads cannot get narrower are refused by name, before anything is written.</summary>
public sealed class ResizeHeadsRefusalTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SilentHeads _heads;

    public ResizeHeadsRefusalTests() => _heads = new SilentHeads(_folder);

    public void Dispose() => _folder.Dispose();

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
        ModelSource source = _heads.Model(bias: false);
        ResizeOptions options = _heads.Options(source) with { HeadSize = 4 };
        string path = _folder["model/config.json"], text = File.ReadAllText(path);
        Assert.Contains(said, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(said, instead, StringComparison.Ordinal));
        Assert.Equal(error, Refused(source, options));
        Assert.False(Directory.Exists(_folder["model-resized"]));
    }

    [Fact]
    public void What_cannot_be_is_refused_by_name()
    {
        ModelSource source = _heads.Model(bias: false);
        ResizeOptions options = _heads.Options(source);
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HeadSize = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HeadSize = 5 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { HeadSize = Size + 2 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { ValueSize = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Refused(source, options with { ValueSize = Size + 1 }));
        Assert.Contains($"-HeadSize {Size} ", Assert.Throws<LowRankToolsException>(() => new ResizeModel(options with { HeadSize = Size + 2, ValueSize = 4 }).Run(source)).Remedy, StringComparison.Ordinal);
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
}
