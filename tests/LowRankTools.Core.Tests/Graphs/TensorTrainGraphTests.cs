using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs with products of cores in place of matrix products, run by ONNX Runtime beside the same graphs with the cores multiplied out.</summary>
public sealed class TensorTrainGraphTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(8, null, false)]
    [InlineData(3, null, false)]
    [InlineData(8, "weights.bin", false)]
    [InlineData(8, null, true)]
    public void Cores_answer_as_the_matrix_does_that_they_stand_for(int irVersion, string? dataFile, bool constant)
    {
        ModelSource model = GraphModel.Write(_folder["in/m.onnx"], irVersion, dataFile, constant);
        FactorizationResult result = new FactorizeModel(Options).Run(model);
        Assert.Equal(["fc.weight", "head.weight"], result.Layers.Where(l => l.Rank is not null).Select(l => l.Name).Order(StringComparer.Ordinal));
        Assert.All(result.Layers.Where(l => l.Rank is not null), l => Assert.StartsWith("TensorTrain", l.Method, StringComparison.Ordinal));
        Assert.All(result.Layers.Where(l => l.Rank is not null), l => Assert.InRange(l.RelativeError!.Value, 0.01, 1));
        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(result.Path, "m")).Path;
        Dictionary<string, (long[] Shape, float[] Values)> products = TestModel.Read(merged);
        // Constants that the nodes need are no part of the model.
        using (TensorFile file = TensorFiles.Open(model.Path))
            Assert.Equal(file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), products.Keys.Order(StringComparer.Ordinal));
        string dense = GraphModel.Write(_folder["dense/m.onnx"]).Path;
        float[] cores = GraphModel.Run(result.Path), expected = GraphModel.Run(dense, products), original = GraphModel.Run(dense);
        double scale = expected.Max(Math.Abs);
        Assert.Equal(expected.Length, cores.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], cores[i], 1e-5 * scale);
        Assert.True(original.Zip(cores).Max(p => Math.Abs(p.First - p.Second)) > 1e-3 * scale, "nothing was lost: the comparison shows nothing");
    }

    [Theory]
    [InlineData(new long[] { 60 }, 13)]
    [InlineData(new long[] { 5, 60 }, 13)]
    [InlineData(new long[] { 2, 3, 4, 60 }, 13)]
    [InlineData(new long[] { 2, 3, 4, 60 }, 7)]
    public void Rows_may_lie_in_any_sizes_and_there_may_be_three_digits(long[] shape, int version)
    {
        ModelSource model = GraphModel.Product(_folder["wide/m.onnx"], version, shape);
        FactorizationResult result = new FactorizeModel(Options with { Splits = [[3, 4, 5]] }).Run(model);
        Assert.Equal(2, result.Layers.Single(l => l.Name == "w").Ranks!.Count);
        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(result.Path, "m")).Path;
        float[] w = TestModel.Read(merged)["w"].Values, x = TestModel.Random("x", 5, shape).Values;
        float[] y = GraphModel.RunProduct(result.Path, x, shape);
        for (int i = 0; i < y.Length; i++)
            Assert.Equal(Enumerable.Range(0, 60).Sum(k => (double)x[(i / 96 * 60) + k] * w[(k * 96) + (i % 96)]), y[i], 1e-4);
    }

    [Fact]
    public void Operators_that_are_too_old_are_refused_by_name()
    {
        ModelSource model = GraphModel.Product(_folder["wide/m.onnx"], 6, [2, 60]);
        Assert.Equal(FormatErrors.DTypeUnsupported, Assert.Throws<ModelFormatException>(() => new FactorizeModel(Options).Run(model)).ErrorId);
    }

    [Fact]
    public void Tables_are_refused_and_Auto_takes_pairs()
    {
        ModelSource model = GraphModel.Write(_folder["in/m.onnx"]);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(Options with { Selection = new LayerSelection { IncludeEmbedding = true } }).Run(model)).ErrorId);
        FactorizationResult auto = new FactorizeModel(Options with { Method = FactorMethod.Auto }).Run(model);
        Assert.All(auto.Layers.Where(l => l.Rank is not null), l => Assert.DoesNotContain("TensorTrain", l.Method, StringComparison.Ordinal));
    }

    private FactorizeOptions Options => new() { Rule = new RankRule.KeepRatio(0.3), Method = FactorMethod.TensorTrain, OutputPath = _folder["out/m.onnx"], Force = true };
}
