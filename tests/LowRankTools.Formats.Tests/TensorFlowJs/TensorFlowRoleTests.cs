using System.Text.Json.Nodes;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.TensorFlowJs.TensorFlowJsBuilder;

namespace LowRankTools.Formats.Tests.TensorFlowJs;

/// <summary>What a graph's operations, a Keras model's layers, or plain names say of weights.</summary>
public sealed class TensorFlowRoleTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int, int[], TensorRole> Uses => new()
    {
        { "MatMul", 1, [3, 4], TensorRole.MatMulRight },
        { "MatMul", 0, [3, 4], TensorRole.LinearWeight },
        { "BatchMatMulV2", 1, [2, 3, 4], TensorRole.MatMulRight },
        { "_FusedMatMul", 1, [3, 4], TensorRole.MatMulRight },
        { "_FusedMatMul", 2, [4], TensorRole.Bias },
        { "Conv2D", 1, [3, 3, 4, 8], TensorRole.ConvolutionChannelsLast },
        { "_FusedConv2D", 1, [3, 3, 4, 8], TensorRole.ConvolutionChannelsLast },
        { "_FusedConv2D", 2, [8], TensorRole.Bias },
        { "Conv2D", 1, [1, 1, 4, 8], TensorRole.MatMulRight },
        { "DepthwiseConv2dNative", 1, [3, 3, 4, 1], TensorRole.ConvolutionChannelsLast },
        { "Conv2DBackpropInput", 1, [3, 3, 8, 4], TensorRole.TransposedConvolutionChannelsLast },
        { "GatherV2", 0, [10, 4], TensorRole.Embedding },
        { "ResourceGather", 0, [10, 4], TensorRole.Embedding },
        { "BiasAdd", 1, [4], TensorRole.Bias },
        { "AddV2", 1, [4], TensorRole.Bias },
        { "FusedBatchNormV3", 1, [4], TensorRole.Normalization },
        { "FusedBatchNormV3", 4, [4], TensorRole.Buffer },
        { "Mul", 1, [], TensorRole.Buffer },
        { "SomethingElse", 0, [3, 4], TensorRole.Unknown },
    };

    [Theory]
    [MemberData(nameof(Uses))]
    public void An_operation_tells_the_role(string op, int input, int[] shape, TensorRole expected)
    {
        string[] inputs = [.. Enumerable.Range(0, input + 2).Select(i => i == input ? "w" : $"x{i}"), "^w"];
        Assert.Equal(expected, Role(Graph(Node("w", "Const"), Node("y", op, inputs)), "w", shape));
    }

    [Fact]
    public void Transposition_flags_and_nodes_swap_the_orientation()
    {
        Assert.Equal(TensorRole.LinearWeight, Role(Graph(Node("y", "MatMul", "x", "w").Flag("transpose_b")), "w", [3, 4]));
        Assert.Equal(TensorRole.LinearWeight, Role(Graph(Node("y", "BatchMatMulV2", "x", "w").Flag("adj_y")), "w", [3, 4]));
        Assert.Equal(TensorRole.LinearWeight, Role(Graph(Node("t", "Transpose", "w", "perm"), Node("y", "MatMul", "x", "t:0")), "w", [3, 4]));
        Assert.Equal(TensorRole.MatMulRight, Role(Graph(Node("r", "Identity", "w"), Node("y", "MatMul", "x", "r")), "w", [3, 4]));
    }

    [Fact]
    public void Bodies_of_library_functions_count()
    {
        JsonObject topology = Graph();
        topology["library"] = new JsonObject
        {
            ["function"] = new JsonArray(new JsonObject { ["nodeDef"] = new JsonArray(Node("w", "Const"), Node("y", "MatMul", "x", "w:output:0")) }),
        };
        Assert.Equal(TensorRole.MatMulRight, Role(topology, "w", [3, 4]));
    }

    [Fact]
    public void A_scale_after_the_inverse_root_is_a_normalisation()
    {
        JsonObject graph = Graph(Node("r", "Rsqrt", "v"), Node("n", "Mul", "x", "r"), Node("s", "Mul", "n", "w"), Node("y", "AddV2", "s", "b"));
        Assert.Equal(TensorRole.Normalization, Role(graph, "w", [4]));
        Assert.Equal(TensorRole.Normalization, Role((JsonObject)graph.DeepClone(), "b", [4]));
    }

    [Theory]
    [InlineData("dense/kernel", new[] { 3, 4 }, TensorRole.MatMulRight)]
    [InlineData("conv2d/kernel", new[] { 3, 3, 4, 8 }, TensorRole.ConvolutionChannelsLast)]
    [InlineData("up/kernel", new[] { 3, 3, 8, 4 }, TensorRole.TransposedConvolutionChannelsLast)]
    [InlineData("lstm/lstm_cell/kernel", new[] { 3, 16 }, TensorRole.Recurrent)]
    [InlineData("lstm/lstm_cell/recurrent_kernel", new[] { 4, 16 }, TensorRole.Recurrent)]
    [InlineData("attention/query/kernel", new[] { 8, 2, 4 }, TensorRole.Unknown)]
    [InlineData("embedding/embeddings", new[] { 10, 4 }, TensorRole.Embedding)]
    [InlineData("dense/bias:0", new[] { 4 }, TensorRole.Bias)]
    [InlineData("norm/gamma", new[] { 4 }, TensorRole.Normalization)]
    [InlineData("norm/moving_variance", new[] { 4 }, TensorRole.Buffer)]
    [InlineData("other/thing", new[] { 4 }, TensorRole.Unknown)]
    public void Layers_of_a_Keras_model_tell_by_class_and_name(string name, int[] shape, TensorRole expected) =>
        Assert.Equal(expected, Role(
            Layers(("Dense", "dense"), ("Conv2D", "conv2d"), ("Conv2DTranspose", "up"), ("LSTM", "lstm"), ("MultiHeadAttention", "attention"), ("BatchNormalization", "norm")), name, shape));

    [Theory]
    [InlineData("a/kernel", new[] { 3, 4 }, TensorRole.MatMulRight)]
    [InlineData("a/kernel", new[] { 3, 4, 8 }, TensorRole.ConvolutionChannelsLast)]
    [InlineData("a/kernel", new[] { 1, 1, 4, 8 }, TensorRole.MatMulRight)]
    public void Names_tell_where_there_is_no_topology(string name, int[] shape, TensorRole expected) =>
        Assert.Equal(expected, Role(null, name, shape));

    private TensorRole Role(JsonNode? topology, string name, int[] shape)
    {
        long[] sizes = [.. shape.Select(s => (long)s)];
        using TensorFile file = _folder.Open(Json(topology, Weight(name, "float32", sizes)), new byte[4 * sizes.Aggregate(1L, (a, b) => a * b)]);
        return Assert.Single(file.Tensors).Role;
    }
}
