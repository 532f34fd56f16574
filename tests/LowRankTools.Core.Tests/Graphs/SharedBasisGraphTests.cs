using System.Runtime.InteropServices;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Tests.Onnx;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;
using Model = LowRankTools.Core.Models.Model;
using ModelSource = LowRankTools.Core.Models.ModelSource;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>In a graph the nodes of several layers use one initializer; ONNX Runtime runs it.</summary>
public sealed class SharedBasisGraphTests : IDisposable
{
    private const int Width = 24, Rank = 3, Layers = 3;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_basis_of_the_stacks_own_rank_gives_the_same_answers()
    {
        ModelSource model = Write();
        FactorizationResult result = Factorize(model, Layers * Rank);
        Assert.Equal([null, "h.0.fc.weight", "h.0.fc.weight"], result.Layers.Where(l => l.Rank is not null).Select(l => l.Basis));
        float[] expected = GraphModel.Run(model.Path), found = GraphModel.Run(result.Path);
        Assert.True(expected.Max(Math.Abs) > 0.01);
        Assert.All(expected.Zip(found), v => Assert.Equal(v.First, v.Second, 1e-5));
        Assert.All(new CompareModels(withRank: false).Run(model, Small(result)), d => Assert.True(d.RelativeError < 1e-5, $"{d.Name} {d.Status} {d.RelativeError}"));
    }

    [Fact]
    public void It_is_counted_once_listed_as_tied_and_merged()
    {
        ModelSource model = Write();
        FactorizationResult result = Factorize(model, 2);
        using (Model small = Model.Open(Small(result)))
        {
            Assert.Equal(1 + Layers, small.File.Tensors.Count(t => t.Name.StartsWith("h.", StringComparison.Ordinal)));
            Assert.All(small.Layers.Where(l => l.Shape.Name is "h.1.fc.0.weight" or "h.2.fc.0.weight"), l => Assert.Equal("h.0.fc.0.weight", l.Shape.TiedTo));
        }
        Assert.Equal(result.Parameters, CountParameters.Run(Small(result)).Parameters);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(Small(result));
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(model.Path), after = TestModel.Read(merged.Path);
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(result.Layers.Where(l => l.Rank is not null), l => Assert.Equal(l.RelativeError!.Value, TestModel.RelativeError(before[l.Name].Values, [.. after[l.Name].Values.Select(v => (double)v)]), 1e-5));
    }

    [Fact]
    public void Written_as_safetensors_the_factors_are_those_of_the_graph_turned()
    {
        ModelSource model = Write();
        Dictionary<string, (long[] Shape, float[] Values)> graph = TestModel.Read(Factorize(model, 4).Path);
        Dictionary<string, (long[] Shape, float[] Values)> weights = TestModel.Read(new FactorizeModel(Options(4) with { Format = ModelFormat.Safetensors, OutputPath = _folder["weights"] }).Run(model).Path);
        Assert.Equal(weights["h.0.fc.0.weight"].Values, TestModel.Transpose(graph["h.0.fc.0.weight"].Values, Width, 4));
        Assert.Equal(weights["h.2.fc.1.weight"].Values, TestModel.Transpose(graph["h.2.fc.1.weight"].Values, 4, Width));
    }

    private FactorizeOptions Options(int rank) => new() { Rule = new RankRule.Fixed(rank), ShareBasis = Layers, OutputPath = _folder["out"] };

    private FactorizationResult Factorize(ModelSource model, int rank) => new FactorizeModel(Options(rank)).Run(model);

    private static ModelSource Small(FactorizationResult result) => new(result.Path, "m");

    /// <summary>Looks a token up, multiplies by three matrices of rank <see cref="Rank"/> with tanh between.</summary>
    private ModelSource Write()
    {
        Directory.CreateDirectory(_folder["in"]);
        Action<ProtoWriter> Values(string name, long[] dims, float[] values) => Initializer(Tensor(name, Float, dims, t => t.Bytes(9, MemoryMarshal.AsBytes<float>(values).ToArray())));
        Action<ProtoWriter>[] weights = [.. Enumerable.Range(0, Layers).Select(i => Values($"h.{i}.fc.weight", [Width, Width], TestModel.WithSpectrum("w", i, Width, Width, 3, 2, 1).Values))];
        Action<ProtoWriter>[] nodes = [.. Enumerable.Range(0, Layers).SelectMany(i => new[] { Node("MatMul", [$"x{i}", $"h.{i}.fc.weight"], [$"m{i}"]), Node("Tanh", [$"m{i}"], [i == Layers - 1 ? "y" : $"x{i + 1}"]) })];
        File.WriteAllBytes(_folder["in/model.onnx"], Model([
            Values("table", [GraphModel.Tokens, Width], TestModel.Random("t", 9, GraphModel.Tokens, Width).Values), .. weights, Node("Gather", ["table", "ids"], ["x0"]), .. nodes,
            GraphModel.Value(11, "ids", Long, "n"), GraphModel.Value(12, "y", Float, "n", Width),
        ]));
        return new ModelSource(_folder["in/model.onnx"], "m");
    }
}
