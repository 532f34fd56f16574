using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Factorization;

public sealed class FactorizeErrorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model(params (string Name, long[] Shape, float[] Values)[] tensors) =>
        new(TestModel.Write(_folder["in/m.safetensors"], tensors), "m");

    private FactorizeOptions Options => new() { Rule = new RankRule.Fixed(4), OutputPath = _folder["out"] };

    private static string ErrorOf(Action run) => Assert.ThrowsAny<LowRankToolsException>(run).ErrorId;

    public static TheoryData<RankRule> BadRules => [new RankRule.Fixed(0), new RankRule.Fixed(-3), new RankRule.KeepRatio(0), new RankRule.KeepRatio(1), new RankRule.KeepRatio(double.NaN), new RankRule.Energy(0), new RankRule.Energy(1.5)];

    [Theory]
    [MemberData(nameof(BadRules))]
    public void Rules_that_mean_nothing_are_refused(RankRule rule) =>
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new FactorizeModel(Options with { Rule = rule }).Run(Model(TestModel.Random("a.weight", 1, 9, 9)))));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_weight_that_is_no_number_is_named_with_its_file_and_leaves_nothing_behind(float value)
    {
        (string Name, long[] Shape, float[] Values) bad = TestModel.Random("bad.weight", 1, 30, 30);
        bad.Values[17] = value;
        ModelSource model = Model(TestModel.Random("good.weight", 2, 30, 30), bad);
        LowRankToolsException error = Assert.ThrowsAny<LowRankToolsException>(() => new FactorizeModel(Options).Run(model));
        Assert.Equal(CoreErrors.NonFiniteValues, error.ErrorId);
        Assert.Contains("bad.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains(model.Path, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void Existing_output_is_kept_without_force_and_replaced_with_it()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 30, 30));
        new FactorizeModel(Options).Run(model);
        Dictionary<string, string> first = TestModel.Snapshot(_folder["out"]);
        Assert.Equal(CoreErrors.OutputExists, ErrorOf(() => new FactorizeModel(Options with { Rule = new RankRule.Fixed(2) }).Run(model)));
        Assert.Equal(first, TestModel.Snapshot(_folder["out"]));
        new FactorizeModel(Options with { Rule = new RankRule.Fixed(2), Force = true }).Run(model);
        Assert.NotEqual(first, TestModel.Snapshot(_folder["out"]));
    }

    [Fact]
    public void Force_leaves_no_shards_of_the_run_before()
    {
        ModelSource model = Model([.. Enumerable.Range(0, 4).Select(i => TestModel.Random($"l{i}.weight", i, 30, 30))]);
        new FactorizeModel(Options with { MaxShardBytes = 1000 }).Run(model);
        FactorizationResult single = new FactorizeModel(Options with { Force = true }).Run(model);
        Assert.Equal(["lowrank.json", "model.safetensors"], Directory.EnumerateFiles(Path.GetDirectoryName(single.Path)!).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_source_is_never_the_target()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 30, 30));
        Dictionary<string, string> before = TestModel.Snapshot(_folder["in"]);
        Assert.Equal(CoreErrors.OutputIsSource, ErrorOf(() => new FactorizeModel(Options with { OutputPath = model.Path, Force = true }).Run(model)));
        string link = _folder["in/link.safetensors"];
        File.CreateSymbolicLink(link, model.Path);
        Assert.Equal(CoreErrors.OutputIsSource, ErrorOf(() => new FactorizeModel(Options with { OutputPath = link, Force = true }).Run(model)));
        File.Delete(link);
        Assert.Equal(before, TestModel.Snapshot(_folder["in"]));
    }

    [Fact]
    public void A_target_that_is_a_file_is_not_writable()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 30, 30));
        _folder.Touch("out");
        Assert.Equal(CoreErrors.OutputNotWritable, ErrorOf(() => new FactorizeModel(Options).Run(model)));
    }

    [Fact]
    public void Cancelling_leaves_nothing_half_written()
    {
        ModelSource model = Model([.. Enumerable.Range(0, 8).Select(i => TestModel.Random($"l{i}.weight", i, 60, 60))]);
        using CancellationTokenSource cancel = new();
        CancelAt progress = new(cancel, "l4.0.weight");
        Assert.ThrowsAny<OperationCanceledException>(() => new FactorizeModel(Options).Run(model, progress, cancel.Token));
        Assert.True(progress.Reached);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void Names_that_would_collide_are_refused()
    {
        ModelSource model = Model(TestModel.Random("a.weight", 1, 30, 30), TestModel.Random("a.0.weight", 2, 5));
        Assert.Equal(CoreErrors.NameCollision, ErrorOf(() => new FactorizeModel(Options).Run(model)));
    }

    [Fact]
    public void A_layer_that_the_model_lacks_is_an_error()
    {
        FactorizeOptions options = Options with { Selection = new LayerSelection { Names = new HashSet<string> { "nothing" } } };
        Assert.Equal(CoreErrors.LayerNotFound, ErrorOf(() => new FactorizeModel(options).Run(Model(TestModel.Random("a.weight", 1, 30, 30)))));
    }

    [Theory]
    [InlineData(ModelFormat.Onnx)]
    [InlineData(ModelFormat.Gguf)]
    [InlineData(ModelFormat.TensorFlowJs)]
    public void Formats_that_are_only_read_are_refused_for_writing(ModelFormat format) =>
        Assert.Equal(CoreErrors.OptionInvalid, ErrorOf(() => new FactorizeModel(Options with { Format = format }).Run(Model(TestModel.Random("a.weight", 1, 30, 30)))));

    private sealed class CancelAt(CancellationTokenSource source, string item) : IProgress<OperationProgress>
    {
        public bool Reached { get; private set; }

        public void Report(OperationProgress value)
        {
            if (value.Item != item)
                return;
            Reached = true;
            source.Cancel();
        }
    }
}
