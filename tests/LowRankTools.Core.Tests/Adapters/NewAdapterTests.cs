using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>A new adapter fits its model, changes nothing, and is there to be trained.</summary>
public sealed class NewAdapterTests : IDisposable
{
    private static readonly LlamaConfig s_config = new() { Vocabulary = 40, Width = 32, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 8, Hidden = 48 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(AdapterLayout.Peft, false)]
    [InlineData(AdapterLayout.Peft, true)]
    [InlineData(AdapterLayout.Kohya, false)]
    public void Merging_it_changes_nothing(AdapterLayout layout, bool embedding)
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        AdapterResult made = new NewAdapter(Options with
        {
            Selection = new LayerSelection { IncludeEmbedding = embedding, Exclude = embedding ? [LayerSelection.Pattern("lm_head*")] : [] },
            Output = new AdapterOutputOptions { OutputPath = layout == AdapterLayout.Peft ? _folder["new"] : _folder["new.safetensors"] },
        }).Run(source);
        ModelSource adapter = new(made.Path, "new");
        AdapterCheck check = new CheckAdapter(null, null).Run(adapter, source);
        Assert.True(check.Fits, string.Join("; ", check.Problems.Select(p => p.Problem)));
        Assert.Equal((15, 4, 4), (made.Modules.Count, check.LeastRank, check.MostRank));
        MergeAdapterResult merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged"] }).Run(source, adapter);
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(source.Path), after = TestModel.Read(merged.Path);
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        Assert.All(before.Keys, name => Assert.Equal(before[name].Values, after[name].Values));
    }

    [Fact]
    public void Of_DoRA_the_lengths_are_those_of_the_rows_and_merging_gives_the_rows_back()
    {
        ModelSource source = Mixed();
        AdapterResult made = new NewAdapter(Options with { Dora = true, Output = new AdapterOutputOptions { OutputPath = _folder["new"] } }).Run(source);
        Dictionary<string, (long[] Shape, float[] Values)> weights = TestModel.Read(source.Path), adapter = TestModel.Read(made.Path);
        Assert.Equal(made.Parameters, adapter.Values.Sum(t => (long)t.Values.Length));
        Assert.Contains("\"use_dora\": true", File.ReadAllText(_folder["new/adapter_config.json"]), StringComparison.Ordinal);
        float[] linear = adapter["base_model.model.fc.lora_magnitude_vector"].Values, turned = adapter["base_model.model.h.0.mlp.c_fc.lora_magnitude_vector"].Values;
        for (int i = 0; i < 12; i++)
        {
            Assert.Equal(Math.Sqrt(Enumerable.Range(0, 16).Sum(j => Math.Pow(weights["fc.weight"].Values[i * 16 + j], 2))), linear[i], 1e-5);
            Assert.Equal(Math.Sqrt(Enumerable.Range(0, 16).Sum(j => Math.Pow(weights["h.0.mlp.c_fc.weight"].Values[j * 12 + i], 2))), turned[i], 1e-5);
        }
        Assert.Equal([1, 8, 1, 1], adapter["base_model.model.conv.lora_magnitude_vector"].Shape);
        MergeAdapterResult merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged"] }).Run(source, new ModelSource(made.Path, "new"));
        Assert.Equal(3, merged.MergedLayers);
        Dictionary<string, (long[] Shape, float[] Values)> after = TestModel.Read(merged.Path);
        // Rounding of lengths alone; the row of zeros stays one.
        Assert.All(weights, w => Assert.All(w.Value.Values.Zip(after[w.Key].Values), v => Assert.InRange(Math.Abs(v.First - v.Second), 0, 3e-7 * Math.Max(1, Math.Abs(v.First)))));
    }

    [Fact]
    public void A_DoRA_adapter_is_loaded_trained_saved_and_merged_to_what_the_trained_network_answers()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        AdapterResult made = new NewAdapter(Options with { Dora = true, Selection = new LayerSelection { Include = [LayerSelection.Pattern("*q_proj*"), LayerSelection.Pattern("*down_proj*")] } }).Run(source);
        using RunnableModel model = RunnableModel.Open(source);
        LoraOptions lora = new(4) { Alpha = 4, Dora = true };
        model.Network.AddLora(model.Engine, lora, ["q_proj", "down_proj"]);
        LoadReport report = NetworkAdapter.Load(model.Network, model.Engine, Path.GetDirectoryName(made.Path)!, strict: true);
        Assert.Empty(report.Missing);
        // What training changes: the factor of zeros and the lengths.
        foreach (NamedParameter p in model.Network.StateDict().Where(p => p.Name.EndsWith("lora_B", StringComparison.Ordinal) || p.Name.EndsWith("lora_magnitude_vector", StringComparison.Ordinal)))
        {
            using ITensor change = model.Engine.Random(7, [.. p.Parameter.Shape]);
            model.Engine.AddScaled(0.05, change, 1, p.Parameter.Value);
        }
        string saved = NetworkAdapter.Save(model.Network, model.Engine, _folder["trained"]);
        MergeAdapterResult merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged"] }).Run(source, new ModelSource(saved, "trained"));
        using RunnableModel dense = RunnableModel.Open(merged.Path), original = RunnableModel.Open(source);
        Assert.Equal(4, merged.MergedLayers);
        Assert.InRange(TestModel.RelativeError(Answers(dense), [.. Answers(model).Select(v => (double)v)]), 0, 1e-5);
        Assert.InRange(TestModel.RelativeError(Answers(dense), [.. Answers(original).Select(v => (double)v)]), 1e-3, 10);
    }

    [Fact]
    public void DoRA_has_no_place_elsewhere()
    {
        ModelSource source = Mixed();
        string Id(NewAdapterOptions options) => Assert.Throws<LowRankToolsException>(() => new NewAdapter(options with { Dora = true }).Run(source)).ErrorId;
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Output = new AdapterOutputOptions { OutputPath = _folder["a.safetensors"] } }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Output = new AdapterOutputOptions { Layout = AdapterLayout.Lotr } }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Selection = new LayerSelection { IncludeEmbedding = true } }));
        TestModel.Write(source.Path, ("fc.weight", [12, 16], [.. Enumerable.Repeat(float.NaN, 192)]));
        Assert.Equal(CoreErrors.NonFiniteValues, Id(Options with { Output = new AdapterOutputOptions { OutputPath = _folder["nan"] } }));
    }

    /// <summary>A linear map with a row of zeros, one stored (in, out), and a convolution.</summary>
    private ModelSource Mixed()
    {
        (string Name, long[] Shape, float[] Values) linear = TestModel.Random("fc.weight", 1, 12, 16);
        Array.Clear(linear.Values, 5 * 16, 16);
        return new ModelSource(TestModel.Write(_folder["mixed/model.safetensors"], linear, TestModel.Random("h.0.mlp.c_fc.weight", 2, 16, 12), TestModel.Random("h.0.mlp.c_fc.bias", 4, 12), TestModel.Random("conv.weight", 3, 8, 6, 3, 3)), "mixed");
    }

    private static float[] Answers(RunnableModel model)
    {
        using NetworkOutput output = model.Forward(new TokenBatch([3, 17, 38, 0, 22, 9, 31, 30], 2));
        return [.. model.Engine.ToArray(output.Hidden).Select(v => (float)v)];
    }

    [Fact]
    public void One_factor_is_random_within_its_bound_and_the_other_zero()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        AdapterResult made = new NewAdapter(Options with { Alpha = 8, Selection = new LayerSelection { Include = [LayerSelection.Pattern("*q_proj*")] } }).Run(source);
        Assert.Equal(2, made.Modules.Count);
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(made.Path);
        foreach ((string name, (long[] shape, float[] values)) in tensors)
        {
            bool a = name.Contains("lora_A", StringComparison.Ordinal);
            Assert.Equal(a ? [4, 32] : [32, 4], shape);
            Assert.Equal(a, values.Any(v => v != 0));
            // The standard deviation of a uniform number is the bound over the root of 3.
            if (a)
                Assert.Equal(1 / Math.Sqrt(32 * 3), Math.Sqrt(values.Average(v => (double)v * v)), 0.02);
            Assert.All(values, v => Assert.InRange(Math.Abs(v), 0, 1 / Math.Sqrt(32)));
        }
        string config = File.ReadAllText(Path.Combine(Path.GetDirectoryName(made.Path)!, "adapter_config.json"));
        Assert.Contains("\"lora_alpha\": 8", config, StringComparison.Ordinal);
        Assert.Contains("\"inference_mode\": false", config, StringComparison.Ordinal);
        using Adapter adapter = Adapter.Open(new ModelSource(made.Path, "new"));
        Assert.All(adapter.Modules, m => Assert.Equal(2, m.Scaling));
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_wrong_requests_are_refused()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        byte[] Bytes(string name, ulong seed) =>
            File.ReadAllBytes(new NewAdapter(Options with { Seed = seed, Output = new AdapterOutputOptions { OutputPath = _folder[name] } }).Run(source).Path);
        Assert.Equal(Bytes("a", 1), Bytes("b", 1));
        Assert.NotEqual(Bytes("c", 2), Bytes("d", 3));
        string Id(NewAdapterOptions options) => Assert.Throws<LowRankToolsException>(() => new NewAdapter(options).Run(source)).ErrorId;
        Assert.Equal(CoreErrors.OutputExists, Id(Options with { Output = new AdapterOutputOptions { OutputPath = _folder["a"] } }));
        Assert.Equal(CoreErrors.RankExceedsLayer, Id(Options with { Rank = 17 }));
        Assert.Equal(CoreErrors.LayerNotFound, Id(Options with { Selection = new LayerSelection { Include = [LayerSelection.Pattern("none*")] } }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Rank = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Options with { Alpha = 0 }));
        AdapterResult planned = new NewAdapter(Options with { Output = new AdapterOutputOptions { OutputPath = _folder["planned"], WhatIf = true } }).Run(source);
        Assert.False(planned.Written || Directory.Exists(_folder["planned"]));
    }

    private static NewAdapterOptions Options => new() { Rank = 4 };
}
