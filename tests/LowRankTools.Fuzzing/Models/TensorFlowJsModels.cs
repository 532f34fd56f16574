using System.Text.Json.Nodes;
using LowRankTools.Formats.Tests.PyTorch;
using LowRankTools.Formats.Tests.TensorFlowJs;
using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Models;

/// <summary>TensorFlow.js graph and layer models, weights across shards and quantised.</summary>
internal static class TensorFlowJsModels
{
    public static IEnumerable<ModelFiles> All()
    {
        byte[] graph = TensorFlowJsBuilder.Json(
            TensorFlowJsBuilder.Graph(
                TensorFlowJsBuilder.Node("x", "Placeholder"), TensorFlowJsBuilder.Node("w", "Const"), TensorFlowJsBuilder.Node("v", "Const"),
                TensorFlowJsBuilder.Node("y", "MatMul", "x", "w"), TensorFlowJsBuilder.Node("z", "MatMul", "y", "v").Flag("transpose_b")),
            ["s1", "s2"],
            TensorFlowJsBuilder.Weight("w", "float32", 6, 8), TensorFlowJsBuilder.Weight("v", "float32", 8, 5).Quantized("uint8", 0.5, -3),
            TensorFlowJsBuilder.Weight("h", "float32", 3, 4).Quantized("float16", 1, 0), TensorFlowJsBuilder.Weight("i", "int32", 2), TensorFlowJsBuilder.Weight("t", "string", 1),
            TensorFlowJsBuilder.Weight("b", "bool", 3));
        byte[] all = [.. T.Floats(48), .. Enumerable.Range(0, 40).Select(i => (byte)(i * 5)), .. new byte[24], 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, (byte)'h', (byte)'i', 1, 0, 1];
        yield return new("TensorFlow.js graph", Json(graph), new ModelPart("s1", FileKind.Raw, all[..150]), new ModelPart("s2", FileKind.Raw, all[150..]));
        JsonObject convolution = TensorFlowJsBuilder.Node("y", "_FusedConv2D", "x", "k", "b");
        convolution["attr"] = JsonNode.Parse("""{"strides":{"list":{"i":["1","2","1","1"]}},"dilations":{"list":{"i":["1","1","1","1"]}},"padding":{"s":"RVhQTElDSVQ="},"explicit_paddings":{"list":{"i":["0","0","1","2","0","1","0","0"]}},"data_format":{"s":"TkhXQw=="},"num_args":{"i":"1"}}""");
        byte[] convolved = TensorFlowJsBuilder.Json(
            TensorFlowJsBuilder.Graph(TensorFlowJsBuilder.Node("x", "Placeholder"), TensorFlowJsBuilder.Node("k", "Const"), TensorFlowJsBuilder.Node("b", "Const"), convolution),
            TensorFlowJsBuilder.Weight("k", "float32", 3, 2, 4, 6), TensorFlowJsBuilder.Weight("b", "float32", 6));
        yield return new("TensorFlow.js graph of convolutions", Json(convolved), new ModelPart("s1", FileKind.Raw, T.Floats(144 + 6)));
        byte[] layers = TensorFlowJsBuilder.Json(TensorFlowJsBuilder.Layers(("Dense", "dense"), ("Embedding", "embed")),
            TensorFlowJsBuilder.Weight("dense/kernel", "float32", 6, 8), TensorFlowJsBuilder.Weight("dense/bias", "float32", 8), TensorFlowJsBuilder.Weight("embed/embeddings", "float32", 9, 4));
        yield return new("TensorFlow.js layers", Json(layers), new ModelPart("s1", FileKind.Raw, T.Floats(48 + 8 + 36)));
    }

    private static ModelPart Json(byte[] bytes) => new("model.json", FileKind.Json, bytes);
}
