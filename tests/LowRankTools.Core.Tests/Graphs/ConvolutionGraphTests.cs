using System.Runtime.InteropServices;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Tests.Peers;
using Microsoft.ML.OnnxRuntime;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;
using Model = LowRankTools.Core.Models.Model;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs with chains of Conv nodes in place of some, run by ONNX Runtime beside the same graphs with the chains' products as kernels.</summary>
public sealed class ConvolutionGraphTests : IDisposable
{
    private const int IntType = 2, StringType = 3, IntsType = 7, Channels = 6, Outputs = 8;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<FactorMethod, string> Cases
    {
        get
        {
            TheoryData<FactorMethod, string> cases = [];
            foreach (FactorMethod method in Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain]))
            {
                foreach (string settings in new[] { "plain", "strided", "dilated", "uneven", "same", "valid" })
                    cases.Add(method, settings);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_chain_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource source = Graph(_folder["in/model.onnx"], settings);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, OutputPath = _folder["out"] }).Run(source);
        Assert.Equal("model.onnx", Path.GetFileName(result.Path));
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "conv.weight").Reason);
        Assert.Equal(KeepReason.Grouped, result.Layers.Single(l => l.Name == "deep.weight").Reason);
        Agree(source, result, "x", [2, Channels, 13, 11], tolerance: 1e-5);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_chain_over_a_signal_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource source = Graph(_folder["in/model.onnx"], SignalParts(settings));
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, OutputPath = _folder["out"] }).Run(source);
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "conv.weight").Reason);
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "point.weight").Reason);
        Agree(source, result, "x", [2, Channels, 23], tolerance: 1e-5);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_chain_over_a_volume_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource source = Graph(_folder["in/model.onnx"], VolumeParts(settings));
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, OutputPath = _folder["out"] }).Run(source);
        LayerFactorization layer = result.Layers.Single(l => l.Name == "conv.weight");
        Assert.Equal((KeepReason.None, LayerKind.Conv3d), (layer.Reason, layer.Kind));
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "point.weight").Reason);
        Agree(source, result, "x", [2, Channels, 7, 9, 8], tolerance: 1e-5);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(ModelFormat.Safetensors)]
    public void A_transposed_convolution_stays_and_says_so_whatever_is_written(ModelFormat? format)
    {
        ModelSource source = Graph(_folder["in/model.onnx"],
            [
                Values("up.weight", 1, Channels, Outputs, 4), Values("out.weight", 2, 9, Outputs, 3), Node("ConvTranspose", ["x", "up.weight"], ["h"]), Node("Conv", ["h", "out.weight"], ["y"]),
                GraphModel.Value(11, "x", Float, "n", Channels, "w"), GraphModel.Value(12, "y", Float, "n", 9, "q"),
            ]);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Tucker, Format = format, OutputPath = _folder["out"] }).Run(source);
        Assert.Equal([KeepReason.None, KeepReason.Transposed], result.Layers.OrderBy(l => l.Name, StringComparer.Ordinal).Select(l => l.Reason));
        // Its channels are stored the other way round.
        using Model model = Model.Open(source);
        LayerShape shape = model.Layers.Single(l => l.Shape.Name == "up.weight").Shape;
        Assert.Equal((LayerKind.Conv1d, (long?)Channels, (long?)Outputs), (shape.Kind, shape.InFeatures, shape.OutFeatures));
    }

    [Fact]
    public void A_kernel_that_is_used_otherwise_too_stays()
    {
        ModelSource source = Graph(_folder["in/model.onnx"], "plain", Node("Identity", ["conv.weight"], ["z"]), GraphModel.Value(12, "z", Float, Outputs, Channels, 3, 3));
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Tucker }).Run(source);
        Assert.Equal(KeepReason.GraphUse, plan.Layers.Single(l => l.Name == "conv.weight").Reason);
    }

    [RealModelFact(RealModels.LineSegmentsLarge)]
    public void A_published_graph_answers_with_chains_as_with_their_products()
    {
        ModelSource source = new(RealModels.Path(RealModels.LineSegmentsLarge), "model");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.SpatialSvd, OutputPath = _folder["out"] }).Run(source);
        Assert.True(result.FactorizedLayers > 20);
        Assert.True(new FileInfo(result.Path).Length < new FileInfo(source.Path).Length);
        Agree(source, result, null, null, tolerance: 1e-3);
    }

    // Both run on the same input; the dense graph is a copy of the source with the merged kernels written over its own.
    private void Agree(ModelSource source, FactorizationResult result, string? input, long[]? shape, double tolerance)
    {
        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(result.Path, "model")).Path, copy = _folder["dense.onnx"];
        File.Copy(source.Path, copy);
        Dictionary<string, (long[] Shape, float[] Values)> products = TestModel.Read(merged);
        using (TensorFile file = TensorFiles.Open(source.Path))
        using (FileStream patched = File.OpenWrite(copy))
        {
            foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null))
            {
                patched.Position = Assert.IsType<FileRegion>(file.Tensors.Single(t => t.Name == layer.Name).Source).Start;
                patched.Write(MemoryMarshal.AsBytes<float>(products[layer.Name].Values));
            }
        }
        float[] chains = Run(result.Path, input, shape), dense = Run(copy, input, shape), original = Run(source.Path, input, shape);
        double scale = dense.Max(Math.Abs);
        Assert.Equal(dense.Length, chains.Length);
        Assert.True(original.Zip(dense).Max(p => Math.Abs(p.First - p.Second)) > 10 * tolerance * scale, "the products were not used: the comparison shows nothing");
        for (int i = 0; i < dense.Length; i++)
            Assert.Equal(dense[i], chains[i], tolerance * scale);
    }

    private static float[] Run(string path, string? input, long[]? shape)
    {
        using InferenceSession session = new(path);
        input ??= session.InputMetadata.Keys.First();
        shape ??= [.. session.InputMetadata[input].Dimensions.Select(d => (long)Math.Max(1, d))];
        Random random = new(1);
        float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => random.NextSingle() - 0.5f)];
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(values, shape);
        using RunOptions run = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(run, [input], [value], [session.OutputMetadata.Keys.First()]);
        return answers[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static ModelSource Graph(string path, string settings, params Action<ProtoWriter>[] extra) => Graph(path,
    [
        Values("conv.weight", 1, Outputs, Channels, 3, 3), Values("conv.bias", 2, Outputs), Values("deep.weight", 3, Outputs, 1, 3, 3), Values("point.weight", 4, 7, Outputs, 1, 1),
        Node("Conv", ["x", "conv.weight", "conv.bias"], ["h"], [.. Settings(settings), n => n.Text(3, "conv")]),
        Node("Relu", ["h"], ["r"]),
        Node("Conv", ["r", "deep.weight"], ["d"], Attribute("group", a => a.Varint(3, Outputs).Varint(20, IntType)), Ints("pads", 1, 1, 1, 1), Ints("kernel_shape", 3, 3)),
        Node("Conv", ["d", "point.weight"], ["y"]),
        GraphModel.Value(11, "x", Float, "n", Channels, "h", "w"), GraphModel.Value(12, "y", Float, "n", 7, "p", "q"),
        .. extra,
    ]);

    private static Action<ProtoWriter>[] SignalParts(string settings) =>
    [
        Values("conv.weight", 1, Outputs, Channels, 5), Values("conv.bias", 2, Outputs), Values("point.weight", 4, 7, Outputs, 1),
        Node("Conv", ["x", "conv.weight", "conv.bias"], ["h"], [.. SignalSettings(settings), n => n.Text(3, "conv")]),
        Node("Relu", ["h"], ["r"]),
        Node("Conv", ["r", "point.weight"], ["y"]),
        GraphModel.Value(11, "x", Float, "n", Channels, "w"), GraphModel.Value(12, "y", Float, "n", 7, "q"),
    ];

    private static Action<ProtoWriter>[] VolumeParts(string settings) =>
    [
        Values("conv.weight", 1, Outputs, Channels, 2, 3, 3), Values("conv.bias", 2, Outputs), Values("point.weight", 4, 7, Outputs, 1, 1, 1),
        Node("Conv", ["x", "conv.weight", "conv.bias"], ["h"], [.. VolumeSettings(settings), n => n.Text(3, "conv")]),
        Node("Relu", ["h"], ["r"]),
        Node("Conv", ["r", "point.weight"], ["y"]),
        GraphModel.Value(11, "x", Float, "n", Channels, "d", "h", "w"), GraphModel.Value(12, "y", Float, "n", 7, "o", "p", "q"),
    ];

    private static Action<ProtoWriter>[] VolumeSettings(string name) => name switch
    {
        "strided" => [Ints("kernel_shape", 2, 3, 3), Ints("strides", 2, 3, 1), Ints("pads", 1, 1, 1, 0, 1, 1)],
        "dilated" => [Ints("kernel_shape", 2, 3, 3), Ints("dilations", 3, 2, 1), Ints("pads", 2, 2, 0, 1, 2, 0)],
        "uneven" => [Ints("kernel_shape", 2, 3, 3), Ints("strides", 1, 2, 3), Ints("dilations", 2, 1, 2), Ints("pads", 0, 1, 2, 3, 0, 1)],
        "same" => [Ints("kernel_shape", 2, 3, 3), Ints("strides", 2, 1, 2), Attribute("auto_pad", a => a.Text(4, "SAME_LOWER").Varint(20, StringType))],
        "valid" => [Attribute("auto_pad", a => a.Text(4, "VALID").Varint(20, StringType))],
        _ => [],
    };

    private static ModelSource Graph(string path, Action<ProtoWriter>[] parts)
    {
        ProtoWriter writer = new();
        writer.Varint(1, 8).Text(2, "test").Message(8, opset => opset.Text(1, "").Varint(2, 13));
        writer.Message(7, graph => Each(graph, [g => g.Text(2, "graph"), .. parts]));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, writer.ToArray());
        return new ModelSource(path, "m");
    }

    private static Action<ProtoWriter>[] SignalSettings(string name) => name switch
    {
        "strided" => [Ints("kernel_shape", 5), Ints("strides", 2), Ints("pads", 2, 2)],
        "dilated" => [Ints("kernel_shape", 5), Ints("dilations", 2), Ints("pads", 4, 4)],
        "uneven" => [Ints("kernel_shape", 5), Ints("strides", 3), Ints("dilations", 2), Ints("pads", 1, 3)],
        "same" => [Ints("kernel_shape", 5), Ints("strides", 2), Attribute("auto_pad", a => a.Text(4, "SAME_LOWER").Varint(20, StringType))],
        "valid" => [Attribute("auto_pad", a => a.Text(4, "VALID").Varint(20, StringType))],
        _ => [],
    };

    private static Action<ProtoWriter>[] Settings(string name) => name switch
    {
        "strided" => [Ints("kernel_shape", 3, 3), Ints("strides", 2, 3), Ints("pads", 1, 1, 1, 1)],
        "dilated" => [Ints("kernel_shape", 3, 3), Ints("dilations", 2, 1), Ints("pads", 2, 0, 2, 0)],
        "uneven" => [Ints("kernel_shape", 3, 3), Ints("strides", 1, 2), Ints("dilations", 1, 2), Ints("pads", 0, 1, 2, 3)],
        "same" => [Ints("kernel_shape", 3, 3), Ints("strides", 2, 2), Attribute("auto_pad", a => a.Text(4, "SAME_LOWER").Varint(20, StringType))],
        "valid" => [Attribute("auto_pad", a => a.Text(4, "VALID").Varint(20, StringType))],
        _ => [],
    };

    private static Action<ProtoWriter> Ints(string name, params long[] values) => Attribute(name, a =>
    {
        foreach (long value in values)
            a.Varint(8, value);
        a.Varint(20, IntsType);
    });

    private static Action<ProtoWriter> Values(string name, int seed, params long[] dims) =>
        Initializer(Tensor(name, Float, dims, t => t.Bytes(9, MemoryMarshal.AsBytes<float>(TestModel.Random(name, seed, dims).Values).ToArray())));
}
