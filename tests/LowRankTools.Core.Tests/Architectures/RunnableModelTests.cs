using System.Text.Json.Nodes;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Core.Tests.Architectures;

/// <summary>Model folders: what is written is read back as the same network, and whatever does not fit is one clear error.</summary>
public sealed class RunnableModelTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<TransformerConfig> Small =>
    [
        new EncoderDecoderConfig { Width = 32, HeadWidth = 16, Encoder = new SideConfig { Depth = 1, Heads = 2, Length = 16, Tokens = 20 }, Decoder = new SideConfig { Depth = 1, Heads = 2, Length = 16, Tokens = 20 } },
        new BertConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 16, HasTokenHead = true },
        new BertConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 16, Labels = 3, Activation = Activation.Relu },
        new Gpt2Config { Vocabulary = 20, Width = 16, Depth = 2, Heads = 2, Hidden = 48, Positions = 16 },
        new Gpt2Config { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 48, Positions = 16, TiedHead = false },
        new LlamaConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 4, KeyValueHeads = 2, HeadWidth = 6, Hidden = 24, AttentionBias = true, TiedHead = true },
        new LlamaConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, KeyValueHeads = 1, HeadWidth = 8, Hidden = 24, Rotary = new RotaryConfig { Base = 5e5, Factor = 8, OriginalPositions = 64 } },
        new LlamaConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, KeyValueHeads = 1, HeadWidth = 6, ValueWidth = 5, Hidden = 24, Rotary = new RotaryConfig { Divisors = [1, 0.3, 4] } },
        new VitConfig { ImageSize = 12, PatchSize = 4, Width = 16, Depth = 1, Heads = 2, Hidden = 32, HasPooler = true, Labels = 3 },
    ];

    [Theory]
    [MemberData(nameof(Small))]
    public void A_folder_that_is_written_opens_as_the_same_network(TransformerConfig config)
    {
        ModelSource written = new ModelFolder(config).Write(_folder["model"]);
        using RunnableModel model = RunnableModel.Open(_folder["model"]);
        Assert.Equal(config, model.Config);
        Assert.Equal(CountParameters.Run(written).Parameters, model.Parameters);
        Assert.False(model.IsFactorized);
        NetworkBatch batch = NetworkBatch.MadeUp(config, 2, 10, seed: 3);
        using NetworkOutput once = model.Forward(batch), again = model.Forward(batch);
        double[] values = model.Engine.ToArray(once.Result);
        Assert.Equal(values, model.Engine.ToArray(again.Result));
        Assert.All(values, v => Assert.True(double.IsFinite(v)));
    }

    [Theory]
    [MemberData(nameof(Small))]
    public void TT_matrices_run_as_the_model_that_they_merge_to(TransformerConfig config)
    {
        ModelSource dense = new ModelFolder(config).Write(_folder["model"]);
        FactorizationResult small = new FactorizeModel(new FactorizeOptions
        {
            Rule = new RankRule.KeepRatio(0.9), Method = FactorMethod.TensorTrain, OutputPath = _folder["trains"], Selection = new LayerSelection { IncludeEmbedding = true },
        }).Run(dense);
        string whole = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelLocator().Find(small.Path)[0]).Path;
        using RunnableModel trains = RunnableModel.Open(small.Path), merged = RunnableModel.Open(whole);
        Assert.InRange(trains.PairLayers.Count, 1, small.Layers.Count(l => l.Rank is not null));
        Assert.Equal(merged.Config, trains.Config);
        NetworkBatch batch = NetworkBatch.MadeUp(config, 2, 10, seed: 3);
        using NetworkOutput own = trains.Forward(batch), expected = merged.Forward(batch);
        Assert.All(trains.Engine.ToArray(own.Result).Zip(merged.Engine.ToArray(expected.Result)), pair => Assert.Equal(pair.Second, pair.First, 1e-3));
    }

    [Fact]
    public void Every_preset_is_a_sound_configuration_and_the_seeds_counts_are_exact()
    {
        foreach ((string name, _) in TransformerPresets.All)
        {
            using Transformer network = Transformer.Create(TransformerPresets.Get(name), ParameterFactory.ShapesOnly);
            Assert.True(network.CountParameters() > 0);
        }
        using Transformer seed = Transformer.Create(TransformerPresets.Get("seed"), ParameterFactory.ShapesOnly);
        Assert.Equal(45_555_200, seed.CountParameters());
        seed.FactorizeLinear(new EmbeddedEngine(), 64, new FactorizeLinearOptions { Bias = PairBias.Both });
        Assert.Equal(10_035_840, seed.CountParameters());
        Assert.Equal("PresetUnknown", Assert.Throws<LowRankToolsException>(() => TransformerPresets.Get("gpt5")).ErrorId);
        // Published counts of published models.
        Assert.Equal(109_482_240, Count("bert-base"));
        Assert.Equal(124_439_808, Count("gpt2"));
        Assert.Equal(86_567_656, Count("vit-base"));

        static long Count(string name)
        {
            using Transformer network = Transformer.Create(TransformerPresets.Get(name), ParameterFactory.ShapesOnly);
            return network.CountParameters();
        }
    }

    [Fact]
    public void A_state_dict_of_x_transformers_needs_no_configuration()
    {
        EncoderDecoderConfig config = new() { Width = 32, Encoder = new SideConfig { Depth = 1, Heads = 1, Length = 16, Tokens = 20 }, Decoder = new SideConfig { Depth = 2, Heads = 2, Length = 12, Tokens = 20 } };
        new ModelFolder(config).Write(_folder["model"]);
        File.Delete(_folder["model/config.json"]);
        using RunnableModel model = RunnableModel.Open(_folder["model"]);
        Assert.Equal(config, model.Config);
    }

    [Theory]
    [InlineData("", "module.")]
    [InlineData("transformer.", "")]
    public void Prefixes_of_other_savers_are_understood(string removed, string added)
    {
        Gpt2Config config = new() { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 16, TiedHead = false };
        string path = new ModelFolder(config).Write(_folder["model"]).Path;
        double[] expected = Run(path);
        TestModel.Write(path, [.. TestModel.Read(path).Select(t => (added + (t.Key.StartsWith(removed, StringComparison.Ordinal) ? t.Key[removed.Length..] : t.Key), t.Value.Shape, t.Value.Values))]);
        Assert.Equal(expected, Run(path));
    }

    [Fact]
    public void Shards_masks_and_the_old_names_of_Bert_are_understood()
    {
        BertConfig config = new() { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 16 };
        string path = new ModelFolder(config).Write(_folder["model"]).Path;
        double[] expected = Run(path);
        List<(string, long[], float[])> tensors = [.. TestModel.Read(path).Select(t => (t.Key.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
            .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal), t.Value.Shape, t.Value.Values))];
        tensors.Add(("bert.embeddings.position_ids", [1, 16], new float[16]));
        tensors.Add(("cls.seq_relationship.weight", [2, 16], new float[32]));
        File.Delete(path);
        string index = TestModel.Write(path, [], 3000, [.. tensors]);
        Assert.EndsWith(".index.json", index, StringComparison.Ordinal);
        Assert.Equal(expected, Run(_folder["model"]));
    }

    [Theory]
    [InlineData("model_type", "\"t5\"", CoreErrors.ArchitectureUnsupported, "'t5'")]
    [InlineData("model_type", "null", CoreErrors.ConfigInvalid, "'model_type' is missing")]
    [InlineData("hidden_size", null, CoreErrors.ConfigInvalid, "'hidden_size' is missing")]
    [InlineData("hidden_size", "\"wide\"", CoreErrors.ConfigInvalid, "not a whole number")]
    [InlineData("hidden_size", "2000000000", CoreErrors.ConfigInvalid, "hidden_size is 2000000000")]
    [InlineData("hidden_size", "-16", CoreErrors.ConfigInvalid, "hidden_size is -16")]
    [InlineData("hidden_size", "1e300", CoreErrors.ConfigInvalid, "not a whole number")]
    [InlineData("num_hidden_layers", "1000000", CoreErrors.ConfigInvalid, "num_hidden_layers is 1000000")]
    [InlineData("num_attention_heads", "3", CoreErrors.ConfigInvalid, "does not divide")]
    [InlineData("num_attention_heads", "0", CoreErrors.ConfigInvalid, "num_attention_heads is 0")]
    [InlineData("layer_norm_eps", "0", CoreErrors.ConfigInvalid, "layer_norm_eps is 0")]
    [InlineData("hidden_act", "\"mish\"", CoreErrors.ArchitectureUnsupported, "'mish'")]
    [InlineData("position_embedding_type", "\"relative_key\"", CoreErrors.ArchitectureUnsupported, "relative_key")]
    [InlineData("num_hidden_layers", "9000", CoreErrors.WeightsDoNotFit, "and 143981 more")]
    [InlineData("intermediate_size", "16777216", CoreErrors.WeightsDoNotFit, "is (32 x 16) and not (16777216 x 16)")]
    [InlineData("vocab_size", "21", CoreErrors.WeightsDoNotFit, "is (20 x 16) and not (21 x 16)")]
    public void A_configuration_that_cannot_be_right_is_one_error(string field, string? value, string id, string words)
    {
        BertConfig config = new() { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 16 };
        new ModelFolder(config).Write(_folder["model"]);
        string path = _folder["model/config.json"];
        JsonObject fields = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        fields.Remove(field);
        if (value is not null)
            fields[field] = JsonNode.Parse(value);
        File.WriteAllText(path, fields.ToJsonString());
        LowRankToolsException e = Assert.Throws<LowRankToolsException>(() => RunnableModel.Open(_folder["model"]));
        Assert.Equal(id, e.ErrorId);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Contains(_folder["model"], e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_lack_a_tensor_or_have_one_too_many_are_named()
    {
        string path = new ModelFolder(new Gpt2Config { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 16 }).Write(_folder["model"]).Path;
        List<(string, long[], float[])> tensors = [.. TestModel.Read(path).Where(t => !t.Key.EndsWith("ln_f.bias", StringComparison.Ordinal)).Select(t => (t.Key, t.Value.Shape, t.Value.Values))];
        tensors.Add(("transformer.h.1.ln_1.weight", [16], new float[16]));
        TestModel.Write(path, [.. tensors]);
        LowRankToolsException e = Assert.Throws<LowRankToolsException>(() => RunnableModel.Open(path));
        Assert.Equal(CoreErrors.WeightsDoNotFit, e.ErrorId);
        Assert.Contains("missing: 'transformer.ln_f.bias'; unexpected: 'transformer.h.1.ln_1.weight'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", CoreErrors.ConfigInvalid)]
    [InlineData("[]", CoreErrors.ConfigInvalid)]
    [InlineData(null, CoreErrors.ConfigNotFound)]
    public void A_folder_without_a_readable_configuration_is_one_error(string? text, string id)
    {
        new ModelFolder(new BertConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32 }).Write(_folder["model"]);
        File.Delete(_folder["model/config.json"]);
        if (text is not null)
            File.WriteAllText(_folder["model/config.json"], text);
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => RunnableModel.Open(_folder["model"])).ErrorId);
    }

    [Fact]
    public void What_a_network_does_not_read_is_one_error()
    {
        new ModelFolder(new BertConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Positions = 4 }).Write(_folder["model"]);
        using RunnableModel model = RunnableModel.Open(_folder["model"]);
        foreach (Func<NetworkBatch> input in new Func<NetworkBatch>[] { () => new TokenBatch([1, 20]), () => new TokenBatch([1, -1]), () => new TokenBatch(new int[5]), () => new TokenBatch(new int[5], 2), () => new TokenBatch([]), () => new ImageBatch(new float[4], 1, 1) })
            Assert.Equal("InputInvalid", Assert.Throws<LowRankToolsException>(() => model.Forward(input())).ErrorId);
    }

    [Fact]
    public void A_model_is_written_over_another_with_leave_only()
    {
        ModelFolder folder = new(new BertConfig { Vocabulary = 20, Width = 16, Depth = 1, Heads = 2, Hidden = 32 });
        folder.Write(_folder["model"]);
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => folder.Write(_folder["model"])).ErrorId);
    }

    private static double[] Run(string path)
    {
        using RunnableModel model = RunnableModel.Open(path);
        using NetworkOutput output = model.Forward(NetworkBatch.MadeUp(model.Config, 2, 9));
        return model.Engine.ToArray(output.Result);
    }
}
