using LowRankTools.Core.Comparison;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Decompositions;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Tests.Decompositions;

public sealed class DecomposeTensorsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Source(params (string Name, long[] Shape, float[] Values)[] tensors) => new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");

    private DecomposeOptions Options(string method, int[]? ranks, double? tolerance = null) => new()
    {
        Method = method, Decomposition = new DecompositionOptions { Ranks = ranks, Tolerance = tolerance }, OutputPath = _folder["small"],
    };

    private Dictionary<string, (long[] Shape, float[] Values)> Merged(DecompositionResult small) =>
        TestModel.Read(new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(small.Path, "m")).Path);

    public static TheoryData<string, int[], double?> Methods => new()
    {
        { "TensorTrain", [4], null }, { "TensorTrain", null!, 0.6 }, { "Tucker", [6, 5, 3, 3], null }, { "Tucker", null!, 0.6 }, { "Cp", [5], null }, { "NonNegativeCp", [5], null },
    };

    [Theory]
    [MemberData(nameof(Methods))]
    public void What_is_rebuilt_from_the_file_has_the_error_that_the_result_says_and_the_rest_is_untouched(string method, int[]? ranks, double? tolerance)
    {
        ModelSource source = Source(TestModel.Random("conv.weight", 1, 20, 16, 3, 3), TestModel.Random("conv.bias", 2, 20), TestModel.Random("head.weight", 3, 10, 20));
        DecompositionResult small = new DecomposeTensors(Options(method, ranks, tolerance)).Run(source);
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(source.Path), after = Merged(small);
        TensorDecomposition kernel = Assert.Single(small.Tensors, t => t.Ranks is not null);
        Assert.Equal("conv.weight", kernel.Name);
        Assert.InRange(kernel.RelativeError!.Value, 1e-3, tolerance + 1e-6 ?? 1);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        foreach ((string name, (long[] shape, float[] values)) in before)
        {
            Assert.Equal(shape, after[name].Shape);
            Assert.Equal(name == kernel.Name ? kernel.RelativeError!.Value : 0, TestModel.RelativeError(values, [.. after[name].Values.Select(v => (double)v)]), 1e-6);
        }
        Assert.Equal(small.RelativeError, kernel.RelativeError);
        Assert.Equal(TestModel.Read(small.Path).Values.Sum(t => (long)t.Values.Length), small.Parameters);
        Assert.Equal(kernel.Factors, TestModel.Read(small.Path).Keys.Where(k => k.StartsWith("conv.weight.", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_comparison_sees_the_dense_tensor()
    {
        ModelSource source = Source(TestModel.Random("conv.weight", 1, 12, 10, 3, 3), TestModel.Random("head.weight", 3, 10, 12));
        DecompositionResult small = new DecomposeTensors(Options("Tucker", [5])).Run(source);
        Dictionary<string, TensorDifference> differences = new CompareModels(withRank: false).Run(source, new ModelSource(small.Path, "m")).ToDictionary(d => d.Name);
        Assert.Equal(small.Tensors[0].RelativeError!.Value, differences["conv.weight"].RelativeError!.Value, 1e-6);
        Assert.Equal(DifferenceStatus.Same, differences["head.weight"].Status);
    }

    [Fact]
    public void Every_tensor_that_stays_says_why()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 3, 3), TestModel.Random("b.weight", 2, 12, 10, 3, 3), TestModel.Random("c.weight", 3, 2, 2, 2), TestModel.Random("d.weight", 4, 30, 30));
        DecomposeOptions options = Options("Cp", [6]) with { Selection = new LayerSelection { Exclude = [LayerSelection.Pattern("b*")] } };
        DecompositionResult small = new DecomposeTensors(options).Run(source);
        Assert.Equal([TensorKeepReason.None, TensorKeepReason.Excluded, TensorKeepReason.NotSmaller, TensorKeepReason.ModeCount], small.Tensors.Select(t => t.Reason));
        DecomposeOptions named = Options("Cp", [6]) with { Force = true, Selection = new LayerSelection { Include = [LayerSelection.Pattern("d")] } };
        Assert.Equal([TensorKeepReason.NotIncluded, TensorKeepReason.NotIncluded, TensorKeepReason.NotIncluded, TensorKeepReason.None], new DecomposeTensors(named).Run(source).Tensors.Select(t => t.Reason));
    }

    [Fact]
    public void Another_run_on_the_output_keeps_what_stood_as_factors_and_pairs()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 3, 3), TestModel.Random("b.weight", 2, 12, 10, 3, 3), TestModel.Random("fc.weight", 3, 40, 40));
        FactorizationResult pairs = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(4), OutputPath = _folder["pairs"] }).Run(source);
        DecomposeOptions first = Options("Tucker", [4]) with { OutputPath = _folder["first"], Selection = new LayerSelection { Include = [LayerSelection.Pattern("a")] } };
        DecompositionResult one = new DecomposeTensors(first).Run(new ModelSource(pairs.Path, "m"));
        DecompositionResult two = new DecomposeTensors(Options("TensorTrain", [4])).Run(new ModelSource(one.Path, "m"));
        Assert.Equal("b.weight", Assert.Single(two.Tensors, t => t.Ranks is not null).Name);
        Assert.Contains(two.Tensors, t => t.Name == "a.weight.core" && t.Reason == TensorKeepReason.AlreadyFactorized);
        Assert.Equal(["a.weight", "b.weight", "fc.weight"], Merged(two).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Factorizing_a_decomposed_model_keeps_the_way_back()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 3, 3), TestModel.Random("fc.weight", 3, 40, 40));
        DecompositionResult small = new DecomposeTensors(Options("Cp", [4])).Run(source);
        FactorizationResult pairs = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(4), OutputPath = _folder["pairs"] }).Run(new ModelSource(small.Path, "m"));
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(pairs.Path, "m"));
        Assert.Equal(2, merged.MergedLayers);
        Assert.Equal(["a.weight", "fc.weight"], TestModel.Read(merged.Path).Keys.Order(StringComparer.Ordinal));
        using TensorFile file = TensorFiles.Open(merged.Path);
        Assert.DoesNotContain(DecompositionRecord.MetadataKey, file.Metadata.Keys);
    }

    [Fact]
    public void Factors_as_stored_are_what_the_error_is_of()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 3, 3));
        DecompositionResult wide = new DecomposeTensors(Options("TensorTrain", [9])).Run(source);
        DecompositionResult narrow = new DecomposeTensors(Options("TensorTrain", [9]) with { DType = TensorDType.BF16, Force = true }).Run(source);
        Assert.Equal(wide.Bytes, 2 * narrow.Bytes);
        Assert.True(narrow.RelativeError > wide.RelativeError);
        Assert.Equal(narrow.RelativeError!.Value, TestModel.RelativeError(TestModel.Read(source.Path)["a.weight"].Values, [.. Merged(narrow)["a.weight"].Values.Select(v => (double)v)]), 1e-6);
    }

    [Fact]
    public void What_if_says_the_same_and_writes_nothing()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 3, 3));
        DecompositionResult planned = new DecomposeTensors(Options("TensorTrain", null, 0.75) with { WhatIf = true }).Run(source);
        Assert.False(Directory.Exists(_folder["small"]));
        DecompositionResult written = new DecomposeTensors(Options("TensorTrain", null, 0.75)).Run(source);
        Assert.Equal((planned.Parameters, planned.Bytes, planned.RelativeError), (written.Parameters, written.Bytes, written.RelativeError));
        Assert.True(written.Written && !planned.Written);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_whatever_the_threads()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 24, 20, 3, 3));
        byte[][] files = [.. new[] { 1, 3 }.Select(threads => File.ReadAllBytes(new DecomposeTensors(Options("Cp", [6]) with
        {
            OutputPath = _folder[$"t{threads}"], Decomposition = new DecompositionOptions { Ranks = [6], Starts = 2, Compute = new ComputeOptions { Seed = 3, ThreadCount = threads } },
        }).Run(source).Path))];
        Assert.Equal(files[0], files[1]);
    }

    [Fact]
    public void Shards_hold_the_record_too()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 12, 10, 3, 3), TestModel.Random("b.weight", 2, 12, 10, 3, 3));
        DecompositionResult small = new DecomposeTensors(Options("Tucker", [5]) with { MaxShardBytes = 1500 }).Run(source);
        Assert.True(Directory.GetFiles(Path.GetDirectoryName(small.Path)!, "*.safetensors").Length > 1);
        Assert.Equal(["a.weight", "b.weight"], Merged(small).Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Cancelling_leaves_nothing_behind()
    {
        ModelSource source = Source(TestModel.Random("a.weight", 1, 24, 20, 3, 3));
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => new DecomposeTensors(Options("Cp", [8]) with
        {
            Decomposition = new DecompositionOptions { Ranks = [8], MaxIterations = 1_000_000, Rest = 0 },
        }).Run(source, new Told(stop.Cancel), stop.Token));
        Assert.False(Directory.Exists(_folder["small"]) && Directory.EnumerateFiles(_folder["small"], "*", SearchOption.AllDirectories).Any());
    }

    private sealed class Told(Action told) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value) => told();
    }
}
