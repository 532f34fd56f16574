using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Tests.Peers;
using static LowRankTools.Core.Tests.Graphs.ChainedGraphs;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs with chains of Conv nodes in place of some, run by ONNX Runtime beside the same graphs with the chains' products as kernels.</summary>
public sealed class ConvolutionGraphTests : IDisposable
{
    private const int IntType = 2, StringType = 3, Channels = 6, Outputs = 8;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<FactorMethod, string> Cases
    {
        get
        {
            TheoryData<FactorMethod, string> cases = [];
            foreach (FactorMethod method in Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain, FactorMethod.Pivoted]))
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
        ModelSource source = ImageGraph(_folder["in/model.onnx"], settings);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, OutputPath = _folder["out"] }).Run(source);
        Assert.Equal("model.onnx", Path.GetFileName(result.Path));
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "conv.weight").Reason);
        Assert.Equal(KeepReason.Grouped, result.Layers.Single(l => l.Name == "deep.weight").Reason);
        Agree(_folder, source, result, "x", [2, Channels, 13, 11], tolerance: 1e-5);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_chain_over_a_signal_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource source = Graph(_folder["in/model.onnx"], SignalParts(settings));
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, OutputPath = _folder["out"] }).Run(source);
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "conv.weight").Reason);
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "point.weight").Reason);
        Agree(_folder, source, result, "x", [2, Channels, 23], tolerance: 1e-5);
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
        Agree(_folder, source, result, "x", [2, Channels, 7, 9, 8], tolerance: 1e-5);
    }

    [Fact]
    public void A_kernel_that_is_used_otherwise_too_stays()
    {
        ModelSource source = ImageGraph(_folder["in/model.onnx"], "plain", Node("Identity", ["conv.weight"], ["z"]), GraphModel.Value(12, "z", Float, Outputs, Channels, 3, 3));
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
        Agree(_folder, source, result, null, null, tolerance: 1e-3);
    }

    private static ModelSource ImageGraph(string path, string settings, params Action<ProtoWriter>[] extra) => Graph(path,
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
}
