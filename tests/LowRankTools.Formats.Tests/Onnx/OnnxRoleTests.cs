using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>What the operations around a tensor say of it.</summary>
public sealed class OnnxRoleTests : IDisposable
{
    private static readonly Action<ProtoWriter> s_matrix = Weight("w", 3, 4);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int, int[], TensorRole> Uses => new()
    {
        { "MatMul", 1, [3, 4], TensorRole.MatMulRight },
        { "MatMul", 1, [2, 3, 4], TensorRole.MatMulRight },
        { "MatMul", 0, [3, 4], TensorRole.LinearWeight },
        { "MatMul", 1, [4], TensorRole.Unknown },
        { "Gemm", 1, [3, 4], TensorRole.MatMulRight },
        { "Gemm", 2, [4], TensorRole.Bias },
        { "QLinearMatMul", 3, [3, 4], TensorRole.MatMulRight },
        { "Conv", 1, [8, 4, 3, 3], TensorRole.Convolution },
        { "Conv", 2, [8], TensorRole.Bias },
        { "Conv", 2, [1], TensorRole.Bias },
        { "ConvTranspose", 1, [8, 4, 3, 3], TensorRole.TransposedConvolution },
        { "Gather", 0, [10, 4], TensorRole.Embedding },
        { "Gather", 0, [10], TensorRole.Unknown },
        { "LSTM", 1, [1, 8, 3], TensorRole.Recurrent },
        { "GRU", 2, [1, 6, 2], TensorRole.Recurrent },
        { "RNN", 3, [1, 4], TensorRole.Bias },
        { "LSTM", 5, [1, 1, 4], TensorRole.Buffer },
        { "BatchNormalization", 1, [4], TensorRole.Normalization },
        { "BatchNormalization", 2, [4], TensorRole.Normalization },
        { "BatchNormalization", 3, [4], TensorRole.Buffer },
        { "BatchNormalization", 4, [4], TensorRole.Buffer },
        { "LayerNormalization", 1, [4], TensorRole.Normalization },
        { "InstanceNormalization", 2, [4], TensorRole.Normalization },
        { "Add", 1, [4], TensorRole.Bias },
        { "Add", 0, [1, 4, 1, 1], TensorRole.Bias },
        { "Add", 1, [], TensorRole.Buffer },
        { "Add", 1, [1], TensorRole.Buffer },
        { "Add", 1, [5, 4], TensorRole.Unknown },
        { "Mul", 1, [], TensorRole.Buffer },
        { "Pow", 1, [], TensorRole.Buffer },
        { "Resize", 2, [4], TensorRole.Buffer },
        { "SomethingElse", 0, [3, 4], TensorRole.Unknown },
    };

    [Theory]
    [MemberData(nameof(Uses))]
    public void A_use_tells_the_role(string op, int input, int[] shape, TensorRole expected)
    {
        string[] inputs = [.. Enumerable.Range(0, input + 2).Select(i => i == input ? "w" : $"x{i}")];
        Assert.Equal(expected, Role(Weight("w", [.. shape.Select(s => (long)s)]), Node(op, inputs, ["y"])));
    }

    [Fact]
    public void Gemm_with_a_transposed_operand_is_a_linear_layer()
    {
        Assert.Equal(TensorRole.LinearWeight, Role(s_matrix, Node("Gemm", ["x", "w"], ["y"], IntAttribute("transB", 1))));
        Assert.Equal(TensorRole.MatMulRight, Role(s_matrix, Node("Gemm", ["w", "x"], ["y"], IntAttribute("transA", 1))));
    }

    [Fact]
    public void A_transposition_in_between_swaps_the_orientation_and_two_swap_it_back()
    {
        Action<ProtoWriter> once = Node("Transpose", ["w"], ["t"], IntsAttribute("perm", 1, 0));
        Action<ProtoWriter> twice = Node("Transpose", ["t"], ["tt"]);

        Assert.Equal(TensorRole.LinearWeight, Role(s_matrix, once, Node("MatMul", ["x", "t"], ["y"])));
        Assert.Equal(TensorRole.MatMulRight, Role(s_matrix, once, Node("MatMul", ["t", "x"], ["y"])));
        Assert.Equal(TensorRole.MatMulRight, Role(s_matrix, once, twice, Node("MatMul", ["x", "tt"], ["y"])));
    }

    [Fact]
    public void A_channels_last_kernel_is_known_by_its_transposition()
    {
        Assert.Equal(TensorRole.ConvolutionChannelsLast, Role(Weight("w", 3, 3, 4, 8),
            Node("Transpose", ["w"], ["t"], IntsAttribute("perm", 3, 2, 0, 1)), Node("Conv", ["x", "t"], ["y"])));
        Assert.Equal(TensorRole.Unknown, Role(Weight("w", 3, 3, 4, 8),
            Node("Transpose", ["w"], ["t"], IntsAttribute("perm", 2, 3, 0, 1)), Node("Conv", ["x", "t"], ["y"])));
    }

    [Fact]
    public void Casts_identities_and_dequantisation_are_looked_through()
    {
        Action<ProtoWriter>[] chain =
        [
            Initializer(Tensor("w", 3, [3, 4], t => t.Bytes(9, new byte[12]))), Weight("scale"),
            Node("DequantizeLinear", ["w", "scale"], ["f"]), Node("Cast", ["f"], ["c"]), Node("Identity", ["c"], ["i"]), Node("MatMul", ["x", "i"], ["y"]),
        ];

        Assert.Equal(TensorRole.MatMulRight, Role(chain));
        Assert.Equal(TensorRole.Buffer, Role(chain, "scale"));
    }

    [Fact]
    public void A_reshaped_bias_is_a_bias_and_a_reshaped_matrix_is_not_guessed()
    {
        Assert.Equal(TensorRole.Bias, Role(Weight("w", 4), Node("Reshape", ["w", "s"], ["r"]), Node("Add", ["x", "r"], ["y"])));
        Assert.Equal(TensorRole.Unknown, Role(s_matrix, Node("Reshape", ["w", "s"], ["r"]), Node("MatMul", ["x", "r"], ["y"])));
    }

    [Fact]
    public void A_token_table_that_is_also_the_output_layer_is_an_embedding() =>
        Assert.Equal(TensorRole.Embedding, Role(s_matrix,
            Node("Transpose", ["w"], ["t"]), Node("MatMul", ["x", "t"], ["y"]), Node("Gather", ["w", "ids"], ["e"])));

    [Fact]
    public void A_single_number_added_to_a_product_is_a_bias() =>
        Assert.Equal(TensorRole.Bias, Role(Weight("w", 1), Node("MatMul", ["x", "m"], ["p"]), Node("Add", ["p", "w"], ["y"])));

    [Fact]
    public void Scale_and_shift_of_a_normalisation_that_is_spelled_out_are_recognised()
    {
        Action<ProtoWriter>[] layerNorm =
        [
            Weight("w", 4), Weight("shift", 4),
            Node("Sqrt", ["variance"], ["deviation"]), Node("Div", ["centred", "deviation"], ["n"]),
            Node("Mul", ["n", "w"], ["scaled"]), Node("Add", ["scaled", "shift"], ["y"]),
        ];

        Assert.Equal(TensorRole.Normalization, Role(layerNorm));
        Assert.Equal(TensorRole.Normalization, Role(layerNorm, "shift"));
    }

    [Fact]
    public void Whole_numbers_are_buffers_wherever_they_go()
    {
        Action<ProtoWriter> indices = Initializer(Tensor("w", Long, [3, 4], t => t.Bytes(9, new byte[96])));
        Assert.Equal(TensorRole.Buffer, Role(indices, Node("Gather", ["w", "i"], ["y"])));
        Assert.Equal(TensorRole.Buffer, Role(indices, Node("Reshape", ["x", "w"], ["y"])));
        Assert.Equal(TensorRole.Buffer, Role(indices));
    }

    [Fact]
    public void A_weight_of_the_outer_graph_is_seen_in_subgraphs_unless_hidden()
    {
        Assert.Equal(TensorRole.MatMulRight, Role(s_matrix,
            Node("If", ["c"], ["y"], GraphAttribute("then_branch", Node("MatMul", ["x", "w"], ["z"])))));
        Assert.Equal(TensorRole.Unknown, Role(s_matrix,
            Node("Loop", ["c"], ["y"], GraphAttribute("body", graph => graph.Message(11, v => v.Text(1, "w")), Node("MatMul", ["x", "w"], ["z"])))));
    }

    [Fact]
    public void A_weight_is_followed_into_the_function_that_it_is_given_to()
    {
        byte[] model = WholeModel(m => m
            .Message(7, g => Each(g, [s_matrix, Node("Linear", ["x", "w"], ["y"], n => n.Text(7, "custom"))]))
            .Message(25, f => f.Text(1, "Linear").Text(10, "custom").Text(4, "input").Text(4, "weight")
                .Message(7, n => n.Text(1, "weight").Text(2, "t").Text(4, "Transpose"))
                .Message(7, n => n.Text(1, "input").Text(1, "t").Text(2, "y").Text(4, "MatMul"))));

        Assert.Equal(TensorRole.LinearWeight, Role(model, "w"));
    }

    [Fact]
    public void A_ring_of_casts_ends() =>
        Assert.Equal(TensorRole.Unknown, Role(s_matrix, Node("Cast", ["w"], ["a"]), Node("Cast", ["a"], ["b"]), Node("Cast", ["b"], ["a"])));

    private TensorRole Role(params Action<ProtoWriter>[] parts) => Role(parts, "w");

    private TensorRole Role(Action<ProtoWriter>[] parts, string name) => Role(Model(parts), name);

    private TensorRole Role(byte[] model, string name)
    {
        using TensorFile file = TensorFiles.Open(_folder.Write("m.onnx", model));
        return file.Tensors.Single(t => t.Name == name).Role;
    }
}
