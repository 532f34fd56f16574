using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Gguf;

/// <summary>A GGUF model stays one: factorized, merged again, and with everything in it that is no weight.</summary>
public sealed class GgufModelTests : IDisposable
{
    private const string Weight = "blk.0.ffn_up.weight", Quantised = "blk.0.ffn_down.weight";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // One weight of exact rank 3, one in blocks, one in a type that is only copied, a norm.
    private ModelSource Model() => TestGguf.Model()
        .With(TestModel.WithSpectrum(Weight, 1, 40, 32, 4, 2, 1)).With(TestModel.Random(Quantised, 2, 32, 64), TensorDType.Q8_0)
        .Tensor("blk.0.ffn_gate.weight", [256, 2], 12, [.. Enumerable.Range(0, 288).Select(i => (byte)(i * 29 % 56))])
        .With(TestModel.Random("output_norm.weight", 3, 32)).Write(_folder["m.gguf"]);

    private FactorizationResult Factorize(ModelSource model, int rank = 3) =>
        new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(rank), OutputPath = _folder["out"], Force = true }).Run(model);

    [Fact]
    public void A_factorized_model_keeps_every_key_value_and_tells_that_only_we_read_pairs()
    {
        ModelSource model = Model();
        FactorizationResult result = Factorize(model);
        Assert.EndsWith("model.gguf", result.Path);
        Assert.Contains("llama.cpp", result.Note);
        Dictionary<string, string> kept = new(TestGguf.Metadata(result.Path), StringComparer.Ordinal);
        Assert.True(kept.Remove(FactorizationRecord.MetadataKey));
        Assert.Equal(TestGguf.Metadata(model.Path), kept);
        using TensorFile file = TensorFiles.Open(result.Path);
        Assert.Equal([3L, 32], file.Tensors.Single(t => t.Name == "blk.0.ffn_up.0.weight").Shape.ToArray());
        Assert.True(result.Bytes < result.BytesBefore);
    }

    [Fact]
    public void Merged_it_is_the_model_again_under_the_same_names_and_types()
    {
        ModelSource model = Model();
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged.gguf"] }).Run(new ModelSource(Factorize(model).Path, "m"));
        Assert.Equal(TestGguf.Metadata(model.Path), TestGguf.Metadata(merged.Path));
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(model.Path), after = TestModel.Read(merged.Path);
        Assert.Equal(before.Keys, after.Keys);
        Assert.InRange(TestModel.RelativeError(before[Weight].Values, [.. after[Weight].Values.Select(v => (double)v)]), 0, 1e-5);
        Assert.Equal(TensorDType.Q8_0, TestGguf.TypeOf(merged.Path, Quantised));
        Assert.Equal(TensorDType.Q4_K, TestGguf.TypeOf(merged.Path, "blk.0.ffn_gate.weight"));
        // A merged dense model saves no bytes.
        Assert.Equal(TensorBytes(model.Path), merged.Bytes);
    }

    private static long TensorBytes(string path)
    {
        using TensorFile file = TensorFiles.Open(path);
        return file.Tensors.Sum(t => t.ByteLength);
    }

    [Fact]
    public void The_pairs_may_lie_in_safetensors_too()
    {
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), OutputPath = _folder["p.safetensors"] }).Run(Model());
        Assert.Equal("", result.Note);
        Assert.Contains("blk.0.ffn_up.0.weight", TestModel.Read(result.Path).Keys);
    }

    [Fact]
    public void Another_format_becomes_no_GGUF_and_blocks_become_no_safetensors()
    {
        ModelSource other = new(TestModel.Write(_folder["s.safetensors"], TestModel.Random("a.weight", 1, 30, 32)), "s");
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(2), OutputPath = _folder["o.gguf"] };
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => new FactorizeModel(options).Run(other)));
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => new FactorizeModel(options with { DType = TensorDType.Q8_0 }).Run(Model())));
        ModelSource pairs = new(new FactorizeModel(options with { OutputPath = _folder["o"] }).Run(other).Path, "s");
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => new MergeModel(new MergeOptions { DType = TensorDType.Q8_0, OutputPath = _folder["q"] }).Run(pairs)));
        Assert.False(File.Exists(_folder["o.gguf"]));
    }

    [Fact]
    public void A_plan_counts_blocks_that_stay_as_blocks_also_when_it_was_written_and_read()
    {
        ModelSource model = Model();
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(3) }).Run(model);
        RankPlanFile.Write(plan, _folder["plan.json"], force: false);
        RankPlan read = RankPlanFile.Read(_folder["plan.json"]);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = read, OutputPath = _folder["out"] }).Run(model);
        Assert.Equal((result.Bytes, result.Bytes), (plan.ModelBytes, read.ModelBytes));
    }

    [Fact]
    public void One_file_of_a_split_model_is_no_model_to_write()
    {
        ModelSource part = TestGguf.Model().KeyValue("split.count", 2, BitConverter.GetBytes((ushort)3)).With(TestModel.Random(Weight, 1, 40, 32)).Write(_folder["m-00001-of-00003.gguf"]);
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Factorize(part)));
    }

    [Fact]
    public void A_stop_between_tensors_leaves_nothing()
    {
        ModelSource model = Model();
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), OutputPath = _folder["out"] })
            .Run(model, new StopAt(stop), stop.Token));
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
    }

    private static string Error(Action action) => Assert.ThrowsAny<LowRankToolsException>(action).ErrorId;

    private sealed class StopAt(CancellationTokenSource stop) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value)
        {
            if (value.Item == "output_norm.weight")
                stop.Cancel();
        }
    }
}
