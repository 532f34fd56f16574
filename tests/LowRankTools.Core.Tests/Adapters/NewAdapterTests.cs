using LowRankTools.Networks;
using LowRankTools.Numerics;

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
