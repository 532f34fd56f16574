using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs with pivoted pairs in place of matrix products, run by ONNX Runtime beside the same graphs with the pairs multiplied out.</summary>
public sealed class PivotedGraphTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(8, null, false)]
    [InlineData(3, null, false)]
    [InlineData(8, "weights.bin", false)]
    [InlineData(8, null, true)]
    public void They_answer_as_the_matrix_does_that_they_stand_for(int irVersion, string? dataFile, bool constant)
    {
        ModelSource model = GraphModel.Write(_folder["in/m.onnx"], irVersion, dataFile, constant);
        FactorizationResult result = new FactorizeModel(Options with { Rule = new RankRule.Fixed(2) }).Run(model);
        Assert.Equal([("fc.weight", "Pivoted"), ("head.weight", "Pivoted")], result.Layers.Where(l => l.Rank is not null).Select(l => (l.Name, l.Method!)).Order());
        Dictionary<string, (long[] Shape, float[] Values)> products = TestModel.Read(Merged(result.Path));
        // Constants that the nodes need are no part of the model.
        using (TensorFile file = TensorFiles.Open(model.Path))
            Assert.Equal(file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), products.Keys.Order(StringComparer.Ordinal));
        string dense = GraphModel.Write(_folder["dense/m.onnx"]).Path;
        float[] pivoted = GraphModel.Run(result.Path), expected = GraphModel.Run(dense, products), original = GraphModel.Run(dense);
        double scale = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, pivoted.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], pivoted[i], 1e-5 * scale);
        Assert.True(original.Zip(pivoted).Max(p => Math.Abs(p.First - p.Second)) > 1e-3 * scale, "nothing was lost: the comparison shows nothing");
    }

    [Fact]
    public void At_the_rank_of_the_weights_the_graph_is_the_same_map_in_half_precision_too()
    {
        float[] expected = GraphModel.Run(GraphModel.Write(_folder["in/m.onnx"], half: true).Path);
        float[] pivoted = GraphModel.Run(new FactorizeModel(Options with { Rule = new RankRule.Fixed(GraphModel.Rank) }).Run(new ModelSource(_folder["in/m.onnx"], "m")).Path);
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], pivoted[i], 1e-2 * scale);
    }

    [Theory]
    [InlineData(new long[] { 60 }, 13)]
    [InlineData(new long[] { 5, 60 }, 11)]
    [InlineData(new long[] { 2, 3, 4, 60 }, 13)]
    [InlineData(new long[] { 2, 3, 4, 60 }, 10)]
    [InlineData(new long[] { 5, 60 }, 9)]
    [InlineData(new long[] { 60 }, 9)]
    public void Rows_may_lie_in_any_sizes(long[] shape, int version)
    {
        ModelSource model = GraphModel.Product(_folder["wide/m.onnx"], version, shape);
        string path = new FactorizeModel(Options).Run(model).Path;
        float[] w = TestModel.Read(Merged(path))["w"].Values, x = TestModel.Random("x", 5, shape).Values, y = GraphModel.RunProduct(path, x, shape);
        for (int i = 0; i < y.Length; i++)
            Assert.Equal(Enumerable.Range(0, 60).Sum(k => (double)x[(i / 96 * 60) + k] * w[(k * 96) + (i % 96)]), y[i], 1e-4);
    }

    [Fact]
    public void A_weight_that_an_exporter_only_numbered_goes_by_the_name_of_its_module()
    {
        ModelSource model = GraphModel.Product(_folder["numbered/m.onnx"], 13, [5, 60], "onnx::MatMul_7", "/fc/MatMul");
        FactorizationResult result = new FactorizeModel(Options).Run(model);
        Assert.Equal("Pivoted", result.Layers.Single(l => l.Name == "fc.weight").Method);
        (long[] rows, float[] w) = TestModel.Read(Merged(result.Path))["fc.weight"];
        Assert.Equal([96, 60], rows);
        float[] x = TestModel.Random("x", 5, 5, 60).Values, y = GraphModel.RunProduct(result.Path, x, [5, 60]);
        for (int i = 0; i < y.Length; i++)
            Assert.Equal(Enumerable.Range(0, 60).Sum(k => (double)x[(i / 96 * 60) + k] * w[(i % 96 * 60) + k]), y[i], 1e-4);
    }

    [Fact]
    public void A_written_graph_is_counted_and_compared_as_the_model_that_it_is()
    {
        ModelSource model = GraphModel.Product(_folder["wide/m.onnx"], 13, [5, 60]);
        FactorizationResult result = new FactorizeModel(Options with { Rule = new RankRule.Fixed(10) }).Run(model);
        LayerFactorization layer = result.Layers.Single(l => l.Name == "w");
        Assert.Equal((10 * (60 + 96 - 10)) + 96, layer.Parameters);
        ModelSource written = new(result.Path, "m");
        Assert.Equal(layer.Parameters, CountParameters.Run(written).TrainableParameters);
        Assert.Equal(layer.RelativeError!.Value, new CompareModels(withRank: false).Run(model, written).Single(d => d.Name == "w").RelativeError!.Value, 1e-6);
    }

    [Fact]
    public void Tables_become_pairs_and_operators_that_are_too_old_are_refused_by_name()
    {
        FactorizationResult result = new FactorizeModel(Options with { Rule = new RankRule.Fixed(2), Selection = new LayerSelection { IncludeEmbedding = true } }).Run(GraphModel.Write(_folder["in/m.onnx"]));
        Assert.NotEqual("Pivoted", result.Layers.Single(l => l is { Name: "emb.weight", Rank: 2 }).Method);
        GraphModel.Run(result.Path);
        ModelSource old = GraphModel.Product(_folder["wide/m.onnx"], 8, [2, 60]);
        Assert.Equal(FormatErrors.DTypeUnsupported, Assert.Throws<ModelFormatException>(() => new FactorizeModel(Options).Run(old)).ErrorId);
    }

    private FactorizeOptions Options => new() { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Pivoted, OutputPath = _folder["out/m.onnx"], Force = true };

    private string Merged(string path) => new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(path, "m")).Path;
}
