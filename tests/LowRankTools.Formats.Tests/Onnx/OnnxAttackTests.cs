using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Fuzz;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Damaged and hostile models end in one named error, quickly and in little memory.</summary>
public sealed class OnnxAttackTests : IDisposable
{
    private static readonly (string, byte[]) s_data = ("x.data", new byte[64]);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_truncation_is_survived_and_most_are_refused()
    {
        byte[] valid = Everything();
        int refused = FuzzRun.ReadAll(Mutator.Truncations(valid), "m.onnx", s_data);
        // The functions come last: cutting between two of them leaves a smaller model that is whole.
        Assert.InRange(refused, valid.Length - 5, valid.Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Three_thousand_mutations_a_seed_are_survived(int seed)
    {
        byte[] valid = Everything();
        Mutator mutator = new(seed);
        int refused = FuzzRun.ReadAll(Enumerable.Range(0, 3000).Select(_ => mutator.Mutate(valid)), "m.onnx", s_data);
        Assert.InRange(refused, 500, 3000);
    }

    [Theory]
    [InlineData(31, false)]
    [InlineData(40, true)]
    [InlineData(2000, true)]
    public void Subgraphs_nest_only_so_deep(int depth, bool refused)
    {
        // Graph in attribute in node in graph ...: inside out, as the lengths of protobuf want it.
        byte[] graph = [];
        for (int i = 0; i < depth; i++)
        {
            byte[] inner = graph;
            ProtoWriter outer = new();
            outer.Message(1, node => node.Message(5, attribute => attribute.Bytes(6, inner)));
            graph = outer.ToArray();
        }
        string path = _folder.Write("m.onnx", WholeModel(model => model.Bytes(7, graph)));
        if (refused)
            Assert.Equal(FormatErrors.HeaderInvalid, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path)).ErrorId);
        else
            TensorFiles.Open(path).Dispose();
    }

    public static TheoryData<string, byte[]> Lies => new()
    {
        { FormatErrors.HeaderTruncated, WholeModel(m => m.Length(7, 1000)) },
        { FormatErrors.HeaderTruncated, WholeModel(m => m.Length(7, long.MaxValue)) },
        { FormatErrors.HeaderTruncated, WholeModel(m => m.Length(7, -1)) },
        { FormatErrors.HeaderInvalid, WholeModel(m => m.Message(7, g => g.Message(5, t => t.Length(9, 9).Raw(new byte[3]))).Raw(new byte[50])) },
        { FormatErrors.HeaderInvalid, WholeModel(m => m.Raw([0x3B])) },
        { FormatErrors.HeaderInvalid, WholeModel(m => m.Raw([0x00, 0x00])) },
        { FormatErrors.HeaderInvalid, WholeModel(m => m.Raw([0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])) },
        { FormatErrors.HeaderInvalid, WholeModel(_ => { }) },
        { FormatErrors.HeaderTruncated, [] },
        { FormatErrors.ShapeOverflow, Model(Initializer(Tensor("w", 1, [-1], _ => { }))) },
        { FormatErrors.ShapeOverflow, Model(Initializer(Tensor("w", 1, [1L << 32, 1L << 32], _ => { }))) },
        { FormatErrors.HeaderInvalid, Model(Initializer(Tensor("w", 1, [.. Enumerable.Repeat(1L, 65)], _ => { }))) },
        { FormatErrors.TensorSizeMismatch, Model(Initializer(Tensor("w", 1, [1L << 40], t => t.Bytes(9, new byte[4])))) },
        { FormatErrors.TensorSizeMismatch, Model(Initializer(Tensor("w", 7, [1L << 40], t => t.Bytes(7, new byte[4])))) },
        { FormatErrors.HeaderTooLarge, Model(Initializer(Tensor(new string('n', 100_000), 1, [1], _ => { }))) },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Lies_are_named(string id, byte[] model)
    {
        string path = _folder.Write("m.onnx", model);
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path));
        Assert.Equal(id, e.ErrorId);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_graph_of_millions_of_empty_nodes_is_refused_before_it_fills_memory()
    {
        byte[] nodes = new byte[2 * 4_000_000];
        for (int i = 0; i < nodes.Length; i += 2)
            nodes[i] = (1 << 3) | 2;
        string path = _folder.Write("m.onnx", WholeModel(m => m.Bytes(7, nodes)));

        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path));
        Assert.Equal(FormatErrors.HeaderTooLarge, e.ErrorId);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512L * 1024 * 1024);
    }

    [Fact]
    public void A_model_of_three_gigabytes_is_listed_in_little_memory()
    {
        const long dataBytes = 3L << 30;
        string path = _folder["m.onnx"];
        byte[] tensor = Part(t => t.Varint(1, dataBytes / 4096).Varint(1, 1024).Varint(2, Float).Text(8, "w").Length(9, dataBytes));
        byte[] graph = Part(g => g.Length(5, tensor.Length + dataBytes).Raw(tensor));
        byte[] after = Part(g => Weight("last", 2, 2)(g));
        using (FileStream stream = File.Create(path))
        {
            stream.Write(WholeModel(m => m.Length(7, graph.Length + dataBytes + after.Length)));
            stream.Write(graph);
            stream.Seek(dataBytes, SeekOrigin.Current);
            stream.Write(after);
        }

        TensorFiles.Open(path).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using TensorFile file = TensorFiles.Open(path);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 * 1024);
        Assert.Equal(["w", "last"], file.Tensors.Select(t => t.Name));
        Assert.Equal(dataBytes, file.Tensors[0].ByteLength);
        float[] end = new float[4];
        file.ReadSingles(file.Tensors[0], file.Tensors[0].ElementCount - 4, end);
        Assert.Equal([0f, 0f, 0f, 0f], end);
        file.ReadSingles(file.Tensors[1], 0, end);
        Assert.Equal(Ramp(2, 2), end);
    }

    private static byte[] Part(Action<ProtoWriter> write)
    {
        ProtoWriter writer = new();
        write(writer);
        return writer.ToArray();
    }

    /// <summary>A small model with every kind of thing in it.</summary>
    private static byte[] Everything() => WholeModel(model => model
        .Message(14, p => p.Text(1, "k").Text(2, "v"))
        .Message(7, graph => Each(graph,
        [
            Weight("raw", 2, 3),
            Initializer(Tensor("packed", Long, [3], t => t.Bytes(7, [1, 0x80, 0x01, 5]))),
            Initializer(Tensor("half", 10, [2], t => t.Varint(5, 15360).Varint(5, 300))),
            Initializer(Tensor("double", 11, [1], t => t.Double(10, 3))),
            Initializer(Tensor("nibbles", 22, [3], t => t.Bytes(9, [1, 2]))),
            Initializer(Tensor("outside", 2, [9], t => t.Message(13, e => e.Text(1, "location").Text(2, "x.data"))
                .Message(13, e => e.Text(1, "offset").Text(2, "7")).Varint(14, 1))),
            Constant("c", Tensor("", Float, [2], t => t.Float(4, 1).Float(4, 2))),
            Node("Constant", [], ["is"], Attribute("value_ints", a => a.Varint(8, 5).Varint(8, 600))),
            Node("Transpose", ["raw"], ["t"], IntsAttribute("perm", 1, 0)),
            Node("MatMul", ["x", "t"], ["y"]),
            Node("If", ["y"], ["z"], GraphAttribute("then_branch", Weight("raw", 2), Node("Add", ["y", "raw"], ["q"]))),
            g => g.Message(15, s => s.Message(1, Tensor("s", Float, [1], t => t.Float(4, 7))).Message(2, Tensor("", Long, [1], t => t.Varint(7, 3)))),
        ]))
        .Message(25, f => f.Text(1, "F").Text(10, "d").Text(4, "a").Message(7, n => n.Text(1, "a").Text(4, "Relu"))));
}
