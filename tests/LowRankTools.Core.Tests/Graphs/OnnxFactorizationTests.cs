using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;
using Model = LowRankTools.Core.Models.Model;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs with pairs in place of weights, run by ONNX Runtime.</summary>
public sealed class OnnxFactorizationTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(8, null, false)]
    [InlineData(3, null, false)]
    [InlineData(8, "values.bin", false)]
    [InlineData(8, null, true)]
    public void Pairs_of_the_weights_own_rank_give_the_same_answers(int irVersion, string? dataFile, bool constant)
    {
        ModelSource model = GraphModel.Write(_folder["in/model.onnx"], irVersion, dataFile, constant);
        byte[] before = File.ReadAllBytes(model.Path);
        FactorizationResult result = Factorize(model, _folder["out"]);
        Assert.Equal(GraphModel.Weights.Order(), result.Layers.Where(l => l.Rank is not null).Select(l => l.Name).Order());
        Assert.Equal("model.onnx", Path.GetFileName(result.Path));
        float[] expected = GraphModel.Run(model.Path), found = GraphModel.Run(result.Path);
        Assert.True(expected.Max(Math.Abs) > 0.01);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], 1e-5);
        Assert.Equal(before, File.ReadAllBytes(model.Path));

        // What our own readers see of it: smaller, the rest bit for bit, merged into what it was.
        using Model dense = Model.Open(model), pairs = Model.Open(new ModelSource(result.Path, "m"));
        Assert.Equal(result.Parameters, pairs.Layers.Sum(l => l.Shape.Parameters));
        Assert.True(result.Parameters < result.ParametersBefore);
        Assert.Equal("the test", pairs.File.Metadata["author"]);
        foreach (string kept in (string[])["fc.bias", "head.bias"])
            Assert.Equal(Bytes(dense.File, kept), Bytes(pairs.File, kept));
        Assert.All(new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")), d => Assert.True(d.RelativeError < 1e-5, $"{d.Name} {d.Status} {d.RelativeError}"));
    }

    [Fact]
    public void A_graph_in_half_precision_stays_in_it()
    {
        ModelSource model = GraphModel.Write(_folder["in/model.onnx"], half: true);
        FactorizationResult result = Factorize(model, _folder["out"]);
        using Model pairs = Model.Open(new ModelSource(result.Path, "m"));
        Assert.Equal(2 * GraphModel.Weights.Length, pairs.Layers.Count(l => l.Shape.Rank is not null));
        Assert.All(pairs.Layers, l => Assert.Equal(TensorDType.F16, l.Tensor.DType));
        // Both runs round to eleven bits at every step.
        float[] expected = GraphModel.Run(model.Path), found = GraphModel.Run(result.Path);
        float scale = expected.Max(Math.Abs);
        Assert.All(expected.Zip(found), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / scale, 0, 0.01));
    }

    [Fact]
    public void A_data_file_gives_way_to_the_new_one_in_one_step()
    {
        ModelSource first = GraphModel.Write(_folder["in/model.onnx"], dataFile: "values.bin");
        for (int run = 1; run <= 3; run++)
        {
            FactorizationResult result = Factorize(first, _folder["out/small.onnx"]);
            Assert.Equal(GraphModel.Run(first.Path)[5], GraphModel.Run(result.Path)[5], 1e-5);
            Assert.Equal(run == 2 ? "small-g2.onnx.data" : "small.onnx.data", Path.GetFileName(Assert.Single(Directory.GetFiles(_folder["out"], "*.data"))));
        }
        Assert.Equal(["model.onnx", "values.bin"], Directory.GetFiles(_folder["in"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_weight_that_the_graph_uses_otherwise_stays_dense()
    {
        ModelSource turned = GraphModel.Write(_folder["turned/model.onnx"], extra: [Node("Transpose", ["fc.weight"], ["z"]), GraphModel.Value(12, "z", 1, 20, 24)]);
        ModelSource handed = GraphModel.Write(_folder["handed/model.onnx"], extra: [GraphModel.Value(12, "fc.weight", 1, 24, 20)]);
        foreach (ModelSource model in (ModelSource[])[turned, handed])
        {
            FactorizationResult result = Factorize(model, Path.GetDirectoryName(model.Path) + "-out");
            Assert.Equal(KeepReason.GraphUse, result.Layers.Single(l => l.Name == "fc.weight").Reason);
            Assert.Equal(GraphModel.Run(model.Path)[7], GraphModel.Run(result.Path)[7], 1e-5);
            RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(3) }).Run(model);
            Assert.Equal(KeepReason.GraphUse, plan.Layers.Single(l => l.Name == "fc.weight").Reason);
            // Without the graph the weight is a matrix as any other.
            FactorizationResult weights = new FactorizeModel(Options(_folder["weights"]) with { Format = ModelFormat.Safetensors, WhatIf = true }).Run(model);
            Assert.Equal(GraphModel.Rank, weights.Layers.Single(l => l.Name == "fc.weight").Rank);
        }
    }

    [Fact]
    public void What_a_graph_cannot_be_written_with_is_refused()
    {
        ModelSource model = GraphModel.Write(_folder["in/model.onnx"]);
        FactorizeOptions options = Options(_folder["out"]);
        foreach (FactorizeOptions wrong in (FactorizeOptions[])[options with { DType = TensorDType.F16 }, options with { FirstBias = true }, options with { MaxShardBytes = 100 }])
            Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => new FactorizeModel(wrong).Run(model)).ErrorId);
        ModelSource other = new(TestModel.Write(_folder["plain.safetensors"], TestModel.Random("fc.weight", 1, 30, 20)), "plain");
        Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => new FactorizeModel(options with { Format = ModelFormat.Onnx }).Run(other)).ErrorId);
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Assert.ThrowsAny<LowRankToolsException>(() => new MergeOptions { Format = ModelFormat.Onnx }.Validate()).ErrorId);
        ModelSource taken = GraphModel.Write(_folder["taken/model.onnx"], extra: [Node("Identity", ["hb"], ["fc.0.weight"])]);
        Assert.Equal(FormatErrors.DuplicateTensor, Assert.ThrowsAny<LowRankToolsException>(() => new FactorizeModel(options).Run(taken)).ErrorId);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    private static FactorizeOptions Options(string output) => new()
    {
        Rule = new RankRule.Fixed(GraphModel.Rank), OutputPath = output, Force = true, Selection = new LayerSelection { IncludeEmbedding = true },
    };

    private static FactorizationResult Factorize(ModelSource model, string output) => new FactorizeModel(Options(output)).Run(model);

    private static byte[] Bytes(TensorFile file, string name)
    {
        TensorInfo tensor = file.Tensors.Single(t => t.Name == name);
        byte[] bytes = new byte[tensor.ByteLength];
        file.ReadBytes(tensor, 0, bytes);
        return bytes;
    }
}
