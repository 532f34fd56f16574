using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Fields that a message has once at most and that stand in the file twice.</summary>
public sealed class OnnxRepeatedFieldTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Action<ProtoWriter> Values(string name) => Tensor(name, Float, [2], t => t.Float(4, 1).Float(4, 2));

    private static Action<ProtoWriter> Indices => Tensor("", Long, [2], t => t.Varint(7, 0).Varint(7, 1));

    private static void Graph(ProtoWriter model, string weight) => model.Message(7, graph => Weight(weight, 2, 2)(graph));

    public static TheoryData<string, byte[]> Twice => new()
    {
        { "the graph", WholeModel(model => { Graph(model, "a"); Graph(model, "b"); }) },
        { "an attribute's tensor", Model(Weight("a", 2), Node("Constant", [], ["c"], Attribute("value", a => a.Message(5, Values("x")).Message(5, Values("y"))))) },
        { "an attribute's graph", Model(Weight("a", 2), Node("If", ["a"], ["c"], Attribute("then_branch", a => a.Message(6, Weight("x", 2)).Message(6, Weight("y", 2))))) },
        { "an attribute's sparse tensor", Model(Weight("a", 2), Node("Constant", [], ["c"], Attribute("sparse_value", a => a.Message(22, s => s.Message(1, Values("x"))).Message(22, s => s.Message(1, Values("y")))))) },
        { "the values of a sparse tensor", Model(graph => graph.Message(15, s => s.Message(1, Values("x")).Message(1, Values("y")).Message(2, Indices))) },
        { "the indices of a sparse tensor", Model(graph => graph.Message(15, s => s.Message(1, Values("x")).Message(2, Indices).Message(2, Indices))) },
    };

    /// <summary>Protobuf merges the two: whoever takes one of them reads another model than everybody else.</summary>
    [Theory]
    [MemberData(nameof(Twice))]
    public void A_message_that_stands_twice_is_refused(string what, byte[] model)
    {
        Assert.NotEmpty(what);
        Assert.Equal(FormatErrors.HeaderInvalid, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(_folder.Write("m.onnx", model))).ErrorId);
    }

    /// <summary>Of a plain number protobuf keeps the last.</summary>
    [Fact]
    public void Of_a_number_that_stands_twice_the_last_counts()
    {
        byte[] model = Model(Node("Constant", [], ["c"], Attribute("value_float", a => a.Float(2, 1).Float(2, 7))), Node("Constant", [], ["d"], Attribute("value_int", a => a.Varint(3, 1).Varint(3, 300))));
        using TensorFile file = TensorFiles.Open(_folder.Write("m.onnx", model));
        float[] value = new float[1];
        file.ReadSingles(file.Tensors.Single(t => t.Name == "c"), 0, value);
        Assert.Equal(7, value[0]);
        file.ReadSingles(file.Tensors.Single(t => t.Name == "d"), 0, value);
        Assert.Equal(300, value[0]);
    }
}
