using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Graphs.ChainedGraphs;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;
using Model = LowRankTools.Core.Models.Model;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs with chains of ConvTranspose nodes in place of some, run by ONNX Runtime beside the same graphs with the chains' products as weights.</summary>
public sealed class TransposedConvolutionGraphTests : IDisposable
{
    private const int IntType = 2, StringType = 3, Inputs = 6, Outputs = 8, Height = 64, Width = 320;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<FactorMethod, string> Cases
    {
        get
        {
            TheoryData<FactorMethod, string> cases = [];
            foreach (FactorMethod method in Enum.GetValues<FactorMethod>().Except([FactorMethod.TensorTrain, FactorMethod.Pivoted]))
            {
                foreach (string settings in new[] { "plain", "strided", "dilated", "uneven", "same", "valid", "longer" })
                    cases.Add(method, settings);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_chain_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource source = Image(settings);
        FactorizationResult result = Run(source, method);
        LayerFactorization layer = result.Layers.Single(l => l.Name == "up.weight");
        Assert.Equal((KeepReason.None, true), (layer.Reason, layer.Method!.EndsWith("(transposed)", StringComparison.Ordinal)));
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "point.weight").Reason);
        Agree(_folder, source, result, "x", [2, Inputs, 7, 5], tolerance: 1e-5);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_chain_over_a_signal_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource source = Graph(_folder["in/model.onnx"],
            [
                Values("up.weight", 1, Inputs, Outputs, 5), Values("up.bias", 2, Outputs), Values("out.weight", 3, 9, Outputs, 3),
                Node("ConvTranspose", ["x", "up.weight", "up.bias"], ["h"], Settings(settings, 5)), Node("Conv", ["h", "out.weight"], ["y"]),
                GraphModel.Value(11, "x", Float, "n", Inputs, "w"), GraphModel.Value(12, "y", Float, "n", 9, "q"),
            ]);
        FactorizationResult result = Run(source, method);
        Assert.Equal(KeepReason.None, result.Layers.Single(l => l.Name == "up.weight").Reason);
        Agree(_folder, source, result, "x", [2, Inputs, 11], tolerance: 1e-5);
    }

    [Fact]
    public void Its_channels_are_counted_the_right_way_round_before_and_after()
    {
        ModelSource source = Image("strided");
        Assert.Equal((Inputs, Outputs), Features(source, "up.weight"));
        FactorizationResult result = Run(source, FactorMethod.Tucker);
        // One after the other: what a stage gives is what the next takes, from the layer's inputs to its outputs.
        (long In, long Out)[] stages = [.. new[] { 0, 1, 2 }.Select(i => Features(new ModelSource(result.Path, "m"), $"up.{i}.weight"))];
        Assert.Equal((Inputs, Outputs), ((int)stages[0].In, (int)stages[2].Out));
        Assert.Equal((stages[0].Out, stages[1].Out), (stages[1].In, stages[2].In));
        TensorDifference difference = new CompareModels(withRank: false).Run(source, new ModelSource(result.Path, "m")).Single(d => d.Name == "up.weight");
        Assert.Equal(result.Layers.Single(l => l.Name == "up.weight").RelativeError!.Value, difference.RelativeError!.Value, 1e-6);
    }

    [Fact]
    public void A_plan_is_carried_out_and_one_that_turns_a_convolution_about_is_refused()
    {
        ModelSource source = Image("strided");
        RankPlan plan = new MakePlan(new PlanOptions { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.Tucker }).Run(source);
        LayerPlan layer = plan.Layers.Single(l => l.Name == "up.weight");
        layer.SetChain("SpatialSvd", 4);
        string file = _folder["p.plan.json"];
        RankPlanFile.Write(plan, file, force: true);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = RankPlanFile.Read(file), OutputPath = _folder["out"] }).Run(source);
        Assert.Equal(("SpatialSvd(transposed)", 4), (result.Layers.Single(l => l.Name == "up.weight").Method, result.Layers.Single(l => l.Name == "up.weight").Rank));
        Agree(_folder, source, result, "x", [1, Inputs, 7, 5], tolerance: 1e-5);
        File.WriteAllText(file, File.ReadAllText(file).Replace("(transposed)", "", StringComparison.Ordinal));
        RankPlan other = RankPlanFile.Read(file);
        Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() =>
            new FactorizeModel(new FactorizeOptions { Plan = other, OutputPath = _folder["other"] }).Run(source)).ErrorId);
    }

    [Theory]
    [InlineData("grouped", KeepReason.Grouped)]
    [InlineData("sized", KeepReason.GraphUse)]
    [InlineData("both", KeepReason.GraphUse)]
    public void What_stays_says_why(string settings, KeepReason reason)
    {
        // Both ways: a decoder that has its encoder's kernel.
        Action<ProtoWriter>[] extra = settings == "both" ? [Node("Conv", ["h", "up.weight"], ["z"]), GraphModel.Value(12, "z", Float, "n", Inputs, "p", "q")] : [];
        Assert.Equal(reason, Run(Image(settings, extra), FactorMethod.Tucker, ModelFormat.Safetensors).Layers.Single(l => l.Name == "up.weight").Reason);
    }

    [RealModelFact(RealModels.OcrDetector)]
    public void A_published_graph_answers_with_chains_as_with_their_products()
    {
        ModelSource source = new(RealModels.Path(RealModels.OcrDetector), "model");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions
        {
            Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.SpatialSvd, OutputPath = _folder["out"],
            Selection = new LayerSelection { Include = [LayerSelection.Pattern("*transpose*")] },
        }).Run(source);
        Assert.Equal(1, result.FactorizedLayers);
        // The detector answers next to nothing on noise. Its sides are multiples of 32: white below the line.
        float[] line = TextPicture.Of("FALCON 48", Width);
        float[] picture = [.. line.Chunk(TextPicture.Height * Width).SelectMany(plane => plane.Concat(Enumerable.Repeat(1f, (Height - TextPicture.Height) * Width)))];
        Agree(_folder, source, result, "x", [1, 3, Height, Width], tolerance: 1e-4, picture);
    }

    private FactorizationResult Run(ModelSource source, FactorMethod method, ModelFormat? format = null) =>
        new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.6), Method = method, Format = format, OutputPath = _folder["out"] }).Run(source);

    private static (long In, long Out) Features(ModelSource source, string name)
    {
        using Model model = Model.Open(source);
        LayerShape shape = model.Layers.Single(l => l.Shape.Name == name).Shape;
        return (shape.InFeatures!.Value, shape.OutFeatures!.Value);
    }

    private ModelSource Image(string settings, params Action<ProtoWriter>[] extra) => Graph(_folder["in/model.onnx"],
    [
        Values("up.weight", 1, Inputs, settings == "grouped" ? Outputs / 2 : Outputs, 3, 3), Values("up.bias", 2, Outputs), Values("point.weight", 4, Outputs, 7, 1, 1),
        Node("ConvTranspose", ["x", "up.weight", "up.bias"], ["h"], [.. Settings(settings, 3, 3), n => n.Text(3, "up")]),
        Node("Relu", ["h"], ["r"]),
        Node("ConvTranspose", ["r", "point.weight"], ["y"]),
        GraphModel.Value(11, "x", Float, "n", Inputs, "h", "w"), GraphModel.Value(12, "y", Float, "n", 7, "p", "q"),
        .. extra,
    ]);

    // Numbers of two sides; a signal has the last of them.
    private static Action<ProtoWriter>[] Settings(string name, params long[] kernel)
    {
        Action<ProtoWriter> Sides(string attribute, params long[] numbers) => Ints(attribute, kernel.Length == 2 ? numbers : numbers.Length == 4 ? [numbers[1], numbers[3]] : [numbers[1]]);
        Action<ProtoWriter> size = Ints("kernel_shape", kernel);
        return name switch
        {
            "strided" => [size, Sides("strides", 2, 3), Sides("pads", 1, 1, 1, 1)],
            "dilated" => [size, Sides("dilations", 1, 2), Sides("pads", 0, 2, 0, 2)],
            "uneven" => [size, Sides("strides", 1, 2), Sides("dilations", 1, 2), Sides("pads", 0, 1, 2, 3)],
            "same" => [size, Sides("strides", 2, 2), Attribute("auto_pad", a => a.Text(4, "SAME_LOWER").Varint(20, StringType))],
            "valid" => [Attribute("auto_pad", a => a.Text(4, "VALID").Varint(20, StringType))],
            "longer" => [size, Sides("strides", 2, 3), Sides("output_padding", 1, 2), Sides("pads", 1, 0, 0, 1)],
            "grouped" => [size, Attribute("group", a => a.Varint(3, 2).Varint(20, IntType))],
            "sized" => [size, Sides("strides", 2, 2), Sides("output_shape", 14, 10)],
            _ => [],
        };
    }
}
