using LowRankTools.Formats.Files;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Where tensors stand in a model, and what they are called.</summary>
public sealed class OnnxStructureTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Constants_are_tensors_named_by_their_output()
    {
        using OnnxFile file = Open(Model(
            Constant("c", Tensor("its own name", Float, [2], t => t.Float(4, 1).Float(4, 2))),
            Weight("w", 2, 2)));

        Assert.Equal(["c", "w"], file.Tensors.Select(t => t.Name));
        Assert.Equal([1f, 2f], Read(file, "c"));
    }

    [Fact]
    public void Numbers_in_attributes_are_constants_too()
    {
        using OnnxFile file = Open(Model(
            Node("Constant", [], ["f"], Attribute("value_float", a => a.Float(2, 1.5f))),
            Node("Constant", [], ["fs"], Attribute("value_floats", a => a.Float(7, 1).Float(7, -2).Float(7, 3))),
            Node("Constant", [], ["i"], Attribute("value_int", a => a.Varint(3, -4))),
            Node("Constant", [], ["is"], Attribute("value_ints", a => a.Varint(8, 5).Varint(8, 600_000)))));

        Assert.Equal([1.5f], Read(file, "f"));
        Assert.Equal([1f, -2f, 3f], Read(file, "fs"));
        Assert.Equal([-4f], Read(file, "i"));
        Assert.Equal([5f, 600_000f], Read(file, "is"));
        Assert.Equal([0, 1, 0, 1], file.Tensors.Select(t => t.Shape.Length));
        Assert.Equal([TensorDType.F32, TensorDType.F32, TensorDType.I64, TensorDType.I64], file.Tensors.Select(t => t.DType));
    }

    [Fact]
    public void A_constants_operation_may_be_written_after_its_value()
    {
        // The fields of a message come in any order.
        using OnnxFile file = Open(Model(graph => graph.Message(1, node =>
        {
            TensorAttribute("value", t => t.Bytes(9, new byte[8]).Varint(1, 2).Varint(2, Float))(node);
            node.Text(4, "Constant").Text(2, "late");
        })));

        Assert.Equal("late", Assert.Single(file.Tensors).Name);
    }

    [Fact]
    public void Fill_values_of_other_operations_are_no_tensors_of_the_model()
    {
        using OnnxFile file = Open(Model(
            Node("ConstantOfShape", ["s"], ["y"], TensorAttribute("value", Tensor("", Float, [1], t => t.Float(4, 0)))), Weight("w", 1)));

        Assert.Equal(["w"], file.Tensors.Select(t => t.Name));
    }

    [Fact]
    public void Sparse_initializers_list_their_values_and_where_they_belong()
    {
        using OnnxFile file = Open(Model(graph => graph.Message(15, sparse => sparse
            .Message(1, Tensor("s", Float, [2], t => t.Float(4, 7).Float(4, 8)))
            .Message(2, Tensor("", Long, [2], t => t.Varint(7, 3).Varint(7, 5)))
            .Varint(3, 4).Varint(3, 4))));

        Assert.Equal(["s", "s.indices"], file.Tensors.Select(t => t.Name));
        Assert.Equal([7f, 8f], Read(file, "s"));
        Assert.Equal([3f, 5f], Read(file, "s.indices"));
        Assert.Equal(TensorRole.Buffer, file.Tensors[1].Role);
    }

    [Fact]
    public void A_sparse_initializer_without_values_is_refused() => Assert.Equal(FormatErrors.HeaderInvalid, Assert.Throws<ModelFormatException>(() => Open(Model(
        Weight("w", 1), graph => graph.Message(15, sparse => sparse.Message(2, Tensor("", Long, [2], t => t.Varint(7, 3).Varint(7, 5))).Varint(3, 4))))).ErrorId);

    [Fact]
    public void Subgraphs_are_searched_and_names_are_prefixed_only_where_they_clash()
    {
        using OnnxFile file = Open(Model(
            Weight("w", 1),
            Node("If", ["cond"], ["y"],
                GraphAttribute("then_branch", Weight("w", 2), Weight("x", 3), Weight("only", 4)),
                GraphAttribute("else_branch", Weight("x", 5),
                    Node("Loop", [], [], node => node.Text(3, "again"), GraphAttribute("body", Weight("x", 6), Constant("deep", Tensor("", Float, [], t => t.Float(4, 1)))))))));

        Dictionary<string, long> sizes = file.Tensors.ToDictionary(t => t.Name, t => t.ElementCount);
        Assert.Equal(1, sizes["w"]);
        Assert.Equal(2, sizes["If_0/then_branch/w"]);
        Assert.Equal(3, sizes["If_0/then_branch/x"]);
        Assert.Equal(4, sizes["only"]);
        Assert.Equal(5, sizes["If_0/else_branch/x"]);
        Assert.Equal(6, sizes["If_0/else_branch/again/body/x"]);
        Assert.Equal(1, sizes["deep"]);
        Assert.Equal(7, sizes.Count);
    }

    [Fact]
    public void Graphs_that_share_even_their_labels_still_give_unique_names()
    {
        Action<ProtoWriter> branch = Node("If", [], [], node => node.Text(3, "same"), GraphAttribute("then_branch", Weight("w", 1)));
        using OnnxFile file = Open(Model(branch, branch, branch));

        Assert.Equal(3, file.Tensors.Select(t => t.Name).Distinct().Count());
    }

    [Fact]
    public void Functions_hold_constants()
    {
        using OnnxFile file = Open(WholeModel(model => model
            .Message(7, _ => { })
            .Message(25, function =>
            {
                function.Text(1, "gelu").Text(10, "custom").Text(4, "x");
                Each(function, [InFunction("Constant", [], ["half"], TensorAttribute("value", Tensor("", Float, [], t => t.Float(4, 0.5f))))]);
            })));

        Assert.Equal("half", Assert.Single(file.Tensors).Name);
    }

    [Fact]
    public void Metadata_says_who_made_the_model_and_for_which_operators()
    {
        using OnnxFile file = Open(WholeModel(model => model
            .Text(3, "1.2").Message(8, o => o.Text(1, "com.microsoft").Varint(2, 1))
            .Message(14, p => p.Text(1, "author").Text(2, "someone")).Message(14, p => p.Text(1, "ir_version").Text(2, "hidden"))
            .Message(7, _ => { })));

        Assert.Equal("8", file.Metadata["ir_version"]);
        Assert.Equal("test", file.Metadata["producer_name"]);
        Assert.Equal("1.2", file.Metadata["producer_version"]);
        Assert.Equal("ai.onnx:17, com.microsoft:1", file.Metadata["opset_import"]);
        Assert.Equal("someone", file.Metadata["author"]);
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void One_name_twice_in_one_graph_is_an_error()
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => Open(Model(Weight("w", 1), Weight("w", 1))));
        Assert.Equal(FormatErrors.DuplicateTensor, e.ErrorId);
    }

    [Fact]
    public void The_bytes_tell_a_model_without_its_extension()
    {
        string path = _folder.Write("model.bin2", Model(Weight("w", 2, 2)));
        using TensorFile file = TensorFiles.Open(path);
        Assert.Equal(ModelFormat.Onnx, file.Format);
    }

    private static Action<ProtoWriter> InFunction(string op, string[] inputs, string[] outputs, params Action<ProtoWriter>[] parts) => function =>
    {
        // The body of a function is its field 7; as part of a graph a node is field 1.
        ProtoWriter graph = new();
        Node(op, inputs, outputs, parts)(graph);
        byte[] node = graph.ToArray();
        node[0] = (7 << 3) | 2;
        function.Raw(node);
    };

    private OnnxFile Open(byte[] model) => (OnnxFile)TensorFiles.Open(_folder.Write("m.onnx", model));

    private static float[] Read(OnnxFile file, string name)
    {
        TensorInfo tensor = file.Tensors.Single(t => t.Name == name);
        float[] values = new float[tensor.ElementCount];
        file.ReadSingles(tensor, 0, values);
        return values;
    }
}
