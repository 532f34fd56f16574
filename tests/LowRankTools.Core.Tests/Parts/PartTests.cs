using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Parts;

/// <summary>Parts that are joined are one run: the same files of the same bytes.</summary>
public sealed class PartTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A model of seven matrices of different sizes, an embedding, biases, and a second name for a matrix.</summary>
    private ModelSource Model(string name = "net", int seed = 1)
    {
        string path = TestModel.Write(_folder[$"{name}/model.safetensors"], new Dictionary<string, string> { ["head.weight"] = "layers.0.weight", ["format"] = "pt" },
        [
            .. Enumerable.Range(0, 7).Select(i => TestModel.Random($"layers.{i}.weight", seed + i, 40 + 24 * i, 64)),
            TestModel.Random("layers.1.bias", seed + 20, 64), TestModel.Random("embed_tokens.weight", seed + 21, 90, 32),
        ]);
        File.WriteAllText(_folder[$"{name}/config.json"], "{}");
        return new ModelSource(path, name);
    }

    private FactorizeOptions Options(string output) => new() { Rule = new RankRule.Fixed(8), OutputPath = _folder[output] };

    private static FactorizationResult Part(FactorizeOptions options, ModelSource source, int number, int of = 3) => new FactorizePart(options, new PartNumber(number, of)).Run(source);

    private static FactorizationResult Join(string path, bool force = false, bool keep = false, string? source = null) =>
        new JoinParts(new JoinPartsOptions { Force = force, KeepPart = keep, SourcePath = source }).Run(path);

    private string PartPath(string output, int number, int of = 3) => _folder[$"{output}/net/parts/{number:D5}-of-{of:D5}.safetensors.part"];

    public static TheoryData<string> Kinds => ["plain", "f16", "biases", "shards", "torch", "ratio", "plan", "file", "left", "embedding", "seed"];

    private FactorizeOptions Kind(string kind, string output, ModelSource source) => kind switch
    {
        "f16" => Options(output) with { DType = TensorDType.F16 },
        "biases" => Options(output) with { FirstBias = true },
        "shards" => Options(output) with { MaxShardBytes = 20_000 },
        "torch" => Options(output) with { Format = ModelFormat.PyTorch },
        "ratio" => Options(output) with { Rule = new RankRule.KeepRatio(0.4) },
        "plan" => Options(output) with { Rule = null, Plan = PlanOf(source) },
        "file" => Options(output) with { OutputPath = _folder[$"{output}/small.safetensors"] },
        "left" => Options(output) with { Split = FactorSplit.Left },
        "embedding" => Options(output) with { Selection = new LayerSelection { IncludeEmbedding = true } },
        "seed" => Options(output) with { Svd = new SvdOptions { Seed = 5, BlockSize = 16 } },
        _ => Options(output),
    };

    private static RankPlan PlanOf(ModelSource source)
    {
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.Energy(0.7) }).Run(source);
        plan.Layers[2].Rank = 3;
        return plan;
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Joined_parts_are_the_files_of_one_run_byte_for_byte(string kind)
    {
        ModelSource source = Model();
        FactorizationResult one = new FactorizeModel(Kind(kind, "one", source)).Run(source);
        // In any order, on any number of threads.
        foreach ((int number, int threads) in new[] { (3, 1), (1, 2), (2, 3) })
        {
            FactorizeOptions options = Kind(kind, "parts", source);
            Part(options with { Svd = options.Svd with { ThreadCount = threads } }, source, number);
        }
        FactorizationResult joined = Join(kind == "file" ? _folder["parts/small.safetensors"] : _folder["parts/net"]);
        Assert.Equal(TestModel.Snapshot(_folder["one"]), TestModel.Snapshot(_folder["parts"]));
        Assert.Equal((one.Parameters, one.RelativeError, one.FactorizedLayers), (joined.Parameters, joined.RelativeError, joined.FactorizedLayers));
        Assert.Equal(one.Layers.Select(l => (l.Name, l.Rank, l.RelativeError, l.Method)), joined.Layers.Select(l => (l.Name, l.Rank, l.RelativeError, l.Method)));
        Assert.Equal(Path.GetRelativePath(_folder["one"], one.Path), Path.GetRelativePath(_folder["parts"], joined.Path));
    }

    [Fact]
    public void Every_layer_is_in_one_part_and_a_part_says_its_own()
    {
        ModelSource source = Model();
        FactorizationResult[] parts = [.. Enumerable.Range(1, 3).Select(i => Part(Options("parts"), source, i))];
        FactorizationResult one = new FactorizeModel(Options("one")).Run(source);
        Assert.Equal(one.Layers.Where(l => l.Rank is not null && l.Name != "head.weight").Select(l => l.Name).Order(), parts.SelectMany(p => p.Layers.Select(l => l.Name)).Order());
        Assert.Equal(["1/3", "2/3", "3/3"], parts.Select(p => p.Part));
        Assert.All(parts, p => Assert.True(p.Written && File.Exists(p.Path)));
    }

    [Fact]
    public void A_part_that_is_there_is_left_as_it_is()
    {
        ModelSource source = Model();
        string path = Part(Options("parts"), source, 2).Path;
        byte[] bytes = File.ReadAllBytes(path);
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        FactorizationResult again = Part(Options("parts"), source, 2);
        Assert.NotEqual("", again.Note);
        Assert.Equal(2020, File.GetLastWriteTimeUtc(path).Year);
        FactorizationResult forced = Part(Options("parts") with { Force = true }, source, 2);
        Assert.NotEqual(2020, File.GetLastWriteTimeUtc(path).Year);
        Assert.Equal(bytes, File.ReadAllBytes(path));
        Assert.Equal(again.Layers.Select(l => l.RelativeError), forced.Layers.Select(l => l.RelativeError));
    }

    [Fact]
    public void Parts_go_when_the_model_stands_unless_they_are_kept()
    {
        ModelSource source = Model();
        for (int i = 1; i <= 3; i++)
            Part(Options("parts"), source, i);
        Join(_folder["parts/net"], keep: true);
        Assert.True(File.Exists(PartPath("parts", 1)));
        Assert.Equal(CoreErrors.OutputExists, Assert.ThrowsAny<LowRankToolsException>(() => Join(_folder["parts/net/parts"])).ErrorId);
        Join(_folder["parts/net/parts"], force: true);
        Assert.False(Directory.Exists(_folder["parts/net/parts"]));
    }

    [Fact]
    public void WhatIf_writes_nothing_and_says_the_same()
    {
        ModelSource source = Model();
        FactorizationResult would = new FactorizePart(Options("parts") with { WhatIf = true }, new PartNumber(1, 3)).Run(source);
        Assert.False(Directory.Exists(_folder["parts"]));
        FactorizationResult did = Part(Options("parts"), source, 1);
        Assert.Equal((would.Path, would.Parameters, would.FactorizedLayers, false), (did.Path, did.Parameters, did.FactorizedLayers, would.Written));
    }

    [Fact]
    public void The_folder_may_be_moved_and_the_model_named_anew()
    {
        ModelSource source = Model();
        new FactorizeModel(Options("one")).Run(source);
        for (int i = 1; i <= 2; i++)
            Part(Options("parts"), source, i, 2);
        Directory.Move(_folder["net"], _folder["elsewhere"]);
        Directory.Move(_folder["parts"], _folder["moved"]);
        Assert.Equal(CoreErrors.PathNotFound, Assert.ThrowsAny<LowRankToolsException>(() => Join(_folder["moved/net"])).ErrorId);
        Directory.Move(_folder["elsewhere"], _folder["models"]);
        Directory.CreateDirectory(_folder["again"]);
        Directory.Move(_folder["models"], _folder["again/net"]);
        Join(_folder["moved/net"], source: _folder["again/net"]);
        Assert.Equal(TestModel.Snapshot(_folder["one"]), TestModel.Snapshot(_folder["moved"]));
    }

    [Theory]
    [InlineData("3"), InlineData("0/3"), InlineData("4/3"), InlineData("-1/3"), InlineData("1/0"), InlineData("1/3/5"), InlineData("a/b"), InlineData(""), InlineData("1/1000000"), InlineData("+1/3")]
    public void What_is_no_part_is_refused(string text) =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => PartNumber.Parse(text)).ErrorId);

    [Fact]
    public void Rules_that_need_singular_values_and_more_parts_than_layers_are_refused()
    {
        ModelSource source = Model();
        Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => Part(Options("p") with { Rule = new RankRule.Energy(0.5) }, source, 1)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => Part(Options("p"), source, 1, 8)).ErrorId);
        Assert.False(Directory.Exists(_folder["p"]));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(5), InlineData(16), InlineData(40)]
    public void No_part_has_more_than_four_thirds_of_a_fair_share(int parts)
    {
        Random random = new(parts);
        double[] costs = [.. Enumerable.Range(0, 100).Select(_ => Math.Exp(random.NextDouble() * 4))];
        int[] dealt = PartShare.Deal(costs, parts);
        double[] loads = [.. Enumerable.Range(0, parts).Select(p => costs.Where((_, i) => dealt[i] == p).Sum())];
        Assert.Equal(costs.Sum(), loads.Sum(), 1e-9);
        Assert.All(loads, l => Assert.True(l > 0));
        // The best possible share is at least the mean and at least the largest layer.
        Assert.InRange(loads.Max(), 0, 4.0 / 3 * Math.Max(costs.Sum() / parts, costs.Max()) + costs.Max() / 3);
        Assert.Equal(dealt, PartShare.Deal(costs, parts));
    }
}
