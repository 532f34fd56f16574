using System.Text.Json.Nodes;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.TensorFlowJs;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Graphs.TensorFlowJsPeer;
using static LowRankTools.Formats.Tests.TensorFlowJs.TensorFlowJsBuilder;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>TensorFlow.js graphs with chains of convolutions in place of some, run by TensorFlow.js beside the same graphs with the chains' products as kernels.</summary>
public sealed class TensorFlowJsConvolutionTests : IDisposable
{
    private const string TensorFlow = "@energetic-ai/core";
    private const int Channels = 6, Middle = 10, Outputs = 8, Lines = 13, Columns = 11;

    private static readonly string s_run = $$"""
        import tf from "@energetic-ai/core";
        await tf.ready();
        const answers = [];
        for (const path of process.argv.slice(1)) {
            const model = await tf.loadGraphModel("file://" + path);
            const x = tf.tensor(Array.from({ length: 2 * {{Lines}} * {{Columns}} * {{Channels}} }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i)), [2, {{Lines}}, {{Columns}}, {{Channels}}]);
            answers.push(Array.from(model.execute({ x }, "y").dataSync()));
        }
        console.log(JSON.stringify(answers));
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<FactorMethod, string> Cases
    {
        get
        {
            TheoryData<FactorMethod, string> cases = [];
            foreach (FactorMethod method in new[] { FactorMethod.Svd, FactorMethod.Tucker, FactorMethod.SpatialSvd, FactorMethod.Auto })
            {
                foreach (string settings in new[] { "same", "valid", "strided", "dilated", "explicit" })
                    cases.Add(method, settings);
            }
            return cases;
        }
    }

    [NodeTheory(TensorFlow)]
    [MemberData(nameof(Cases))]
    public void A_chain_answers_as_its_product_does(FactorMethod method, string settings)
    {
        ModelSource model = Write(settings);
        FactorizationResult result = Factorize(model, method);
        Assert.Equal(["k", "f", "one"], result.Layers.Where(l => l.Rank is not null).Select(l => l.Name));
        double[][] answers = Run(TensorFlow, s_run, Merged(_folder, model, result), result.Path, model.Path);
        AssertAlike(1e-5, answers[..2]);
        Assert.True(Distance(answers[2], answers[1]) > 0.01, "nothing was left out: the comparison shows nothing");
        Assert.All(new CompareModels(withRank: false).Run(model, new ModelSource(result.Path, "m")).Where(d => d.Name is "k" or "f" or "one"),
            d => Assert.Equal(result.Layers.Single(l => l.Name == d.Name).RelativeError!.Value, d.RelativeError!.Value, 1e-4));
    }

    [Fact]
    public void What_no_chain_can_stand_for_is_refused_or_stays()
    {
        ModelSource model = Write("same");
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Factorize(model, FactorMethod.Cp)).ErrorId);
        Assert.Equal([KeepReason.Grouped, KeepReason.GraphUse], Factorize(model, FactorMethod.Svd).Layers.Where(l => l.Name is "deep" or "deeper").Select(l => l.Reason));
        // An order of dimensions that is not known, and steps that are not all there.
        foreach (string settings in new[] { "other order", "few steps" })
            Assert.All(Factorize(Write(settings), FactorMethod.Svd).Layers.Where(l => l.Name is "k" or "f"), l => Assert.Equal(KeepReason.GraphUse, l.Reason));
    }

    [Theory]
    [InlineData(ModelFormat.TensorFlowJs)]
    [InlineData(ModelFormat.Safetensors)]
    public void A_transposed_convolution_stays_and_says_so_whatever_is_written(ModelFormat format)
    {
        FactorizationResult result = Factorize(Write("up"), FactorMethod.Tucker, format);
        Assert.Equal([KeepReason.Transposed, KeepReason.None], result.Layers.Where(l => l.Name is "k" or "f").OrderByDescending(l => l.Name, StringComparer.Ordinal).Select(l => l.Reason));
    }

    [Fact]
    public void Only_a_file_called_model_json_is_written_as_a_graph_by_its_name()
    {
        ModelSource model = Write("same");
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.5), Method = FactorMethod.SpatialSvd };
        FactorizationResult result = new FactorizeModel(options with { OutputPath = _folder["there/model.json"] }).Run(model);
        Assert.Equal(_folder["there/model.json"], result.Path);
        using (TensorFlowJsFile file = new(result.Path))
            Assert.All(file.Files, f => Assert.Equal(_folder["there"], Path.GetDirectoryName(f)));
        string Id(Action step) => Assert.Throws<LowRankToolsException>(step).ErrorId;
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Id(() => new FactorizeModel(options with { OutputPath = _folder["there/net.json"] }).Run(model)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => new FactorizeModel(options with { OutputPath = _folder["other/model.json"], Format = ModelFormat.Safetensors }).Run(model)));
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Id(new MergeOptions { OutputPath = _folder["other/model.json"] }.Validate));
        Assert.Equal(CoreErrors.OptionInvalid, Id(new AdapterOutputOptions { OutputPath = _folder["other/model.json"] }.Validate));
        Assert.False(Directory.Exists(_folder["other"]));
    }

    private FactorizationResult Factorize(ModelSource model, FactorMethod method, ModelFormat format = ModelFormat.TensorFlowJs) =>
        new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.5), Method = method, Format = format, OutputPath = _folder["out"], Force = true }).Run(model);

    // A convolution as the settings say, relu of (convolution + bias) fused, one of size one with steps of two, and two of single channels.
    private ModelSource Write(string settings)
    {
        (string Name, long[] Shape, float[] Values)[] weights = [TestModel.Random("k", 1, 3, 3, Channels, Middle), TestModel.Random("f", 2, 3, 2, Middle, Outputs), TestModel.Random("f_bias", 3, Outputs),
            TestModel.Random("one", 4, 1, 1, Outputs, Outputs), TestModel.Random("deep", 5, 3, 3, Outputs, 1), TestModel.Random("deeper", 6, 3, 3, Outputs, 2)];
        (int Down, int Across) steps = settings == "strided" ? (2, 1) : (1, 1), dilations = settings == "dilated" ? (2, 3) : (1, 1);
        string padding = settings switch { "valid" => "VALID", "explicit" => "EXPLICIT", _ => "SAME" };
        JsonObject convolution = settings == "up" ? Convolution("kx", "Conv2DBackpropInput", ["x", "k", "x"], steps, dilations, padding) : Convolution("kx", "Conv2D", ["x", "k"], steps, dilations, padding);
        JsonObject attributes = convolution["attr"]!.AsObject();
        if (settings == "explicit")
            attributes["explicit_paddings"] = List(["0", "0", "2", "1", "0", "3", "0", "0"]);
        JsonObject fused = Convolution("fx", "_FusedConv2D", ["kx", "f", "f_bias"], (1, 2), (1, 1), "SAME");
        fused["attr"]!["num_args"] = new JsonObject { ["i"] = "1" };
        fused["attr"]!["fused_ops"] = JsonNode.Parse("""{"list":{"s":["Qmlhc0FkZA==","UmVsdQ=="]}}""");
        fused["attr"]!["epsilon"] = new JsonObject { ["f"] = 0 };
        if (settings == "other order")
            (attributes["data_format"], fused["attr"]!["data_format"]) = (Text("HWCN"), Text("HWCN"));
        if (settings == "few steps")
            (attributes["strides"], fused["attr"]!["strides"]) = (List(["1", "1"]), List(["1", "1"]));
        JsonObject x = Node("x", "Placeholder");
        x["attr"] = JsonNode.Parse("""{"dtype":{"type":"DT_FLOAT"},"shape":{"shape":{"unknownRank":true}}}""");
        JsonObject topology = Graph([x, .. weights.Select(Constant), convolution, fused, Convolution("ox", "Conv2D", ["fx", "one"], (2, 2), (1, 1), "SAME"), Convolution("dx", "DepthwiseConv2dNative", ["ox", "deep"], (1, 1), (1, 1), "SAME"), Convolution("y", "DepthwiseConv2dNative", ["dx", "deeper"], (1, 1), (1, 1), "SAME")]);
        topology["versions"] = new JsonObject { ["producer"] = 440 };
        Directory.CreateDirectory(_folder["in"]);
        File.WriteAllBytes(_folder["in/s1"], [.. weights.SelectMany(w => w.Values).SelectMany(BitConverter.GetBytes)]);
        File.WriteAllBytes(_folder["in/model.json"], Json(topology, [.. weights.Select(w => Weight(w.Name, "float32", w.Shape))]));
        return new ModelSource(_folder["in/model.json"], "model");
    }

    private static JsonObject Convolution(string name, string op, string[] inputs, (int Down, int Across) steps, (int Down, int Across) dilations, string padding)
    {
        JsonObject node = Node(name, op, inputs);
        node["attr"] = new JsonObject
        {
            ["T"] = new JsonObject { ["type"] = "DT_FLOAT" },
            ["strides"] = List(["1", $"{steps.Down}", $"{steps.Across}", "1"]), ["dilations"] = List(["1", $"{dilations.Down}", $"{dilations.Across}", "1"]),
            ["padding"] = Text(padding), ["data_format"] = Text("NHWC"), ["explicit_paddings"] = new JsonObject { ["list"] = new JsonObject() },
        };
        return node;
    }

    private static JsonObject Text(string text) => new() { ["s"] = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(text)) };

    private static JsonObject List(string[] numbers) => new() { ["list"] = new JsonObject { ["i"] = new JsonArray([.. numbers.Select(n => JsonValue.Create(n))]) } };

    private static JsonObject Constant((string Name, long[] Shape, float[] Values) weight)
    {
        JsonObject node = Node(weight.Name, "Const");
        node["attr"] = new JsonObject
        {
            ["dtype"] = new JsonObject { ["type"] = "DT_FLOAT" },
            ["value"] = new JsonObject { ["tensor"] = new JsonObject { ["dtype"] = "DT_FLOAT", ["tensorShape"] = new JsonObject { ["dim"] = new JsonArray([.. weight.Shape.Select(s => new JsonObject { ["size"] = $"{s}" })]) } } },
        };
        return node;
    }
}
