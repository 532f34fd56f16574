using System.Runtime.InteropServices;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Builds ONNX models for tests. Parts are functions that write themselves into their message.</summary>
internal static class OnnxBuilder
{
    public const int Float = 1;
    public const int Long = 7;

    public static byte[] Model(params Action<ProtoWriter>[] graphParts) =>
        WholeModel(model => model.Message(7, graph => Each(graph, graphParts)));

    public static byte[] WholeModel(Action<ProtoWriter> rest)
    {
        ProtoWriter writer = new();
        writer.Varint(1, 8).Text(2, "test").Message(8, opset => opset.Text(1, "").Varint(2, 17));
        rest(writer);
        return writer.ToArray();
    }

    public static Action<ProtoWriter> Initializer(Action<ProtoWriter> tensor) => graph => graph.Message(5, tensor);

    public static Action<ProtoWriter> Weight(string name, params long[] dims) =>
        Initializer(Tensor(name, Float, dims, t => t.Bytes(9, MemoryMarshal.AsBytes<float>(Ramp(dims)))));

    public static Action<ProtoWriter> Tensor(string name, int type, long[] dims, Action<ProtoWriter> values) => tensor =>
    {
        foreach (long size in dims)
            tensor.Varint(1, size);
        tensor.Varint(2, type).Text(8, name);
        values(tensor);
    };

    public static Action<ProtoWriter> Node(string op, string[] inputs, string[] outputs, params Action<ProtoWriter>[] parts) => graph =>
        graph.Message(1, node =>
        {
            foreach (string input in inputs)
                node.Text(1, input);
            foreach (string output in outputs)
                node.Text(2, output);
            node.Text(4, op);
            Each(node, parts);
        });

    public static Action<ProtoWriter> Constant(string output, Action<ProtoWriter> tensor) =>
        Node("Constant", [], [output], TensorAttribute("value", tensor));

    public static Action<ProtoWriter> TensorAttribute(string name, Action<ProtoWriter> tensor) =>
        Attribute(name, a => a.Message(5, tensor));

    public static Action<ProtoWriter> IntAttribute(string name, long value) => Attribute(name, a => a.Varint(3, value));

    public static Action<ProtoWriter> IntsAttribute(string name, params long[] values) =>
        Attribute(name, a => Array.ForEach(values, value => a.Varint(8, value)));

    public static Action<ProtoWriter> GraphAttribute(string name, params Action<ProtoWriter>[] graphParts) =>
        Attribute(name, a => a.Message(6, graph => Each(graph, graphParts)));

    public static Action<ProtoWriter> Attribute(string name, Action<ProtoWriter> value) => node =>
        node.Message(5, attribute =>
        {
            attribute.Text(1, name);
            value(attribute);
        });

    public static float[] Ramp(params long[] dims) =>
        [.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(i => 0.25f * i - 1)];

    public static void Each(ProtoWriter writer, Action<ProtoWriter>[] parts) => Array.ForEach(parts, part => part(writer));
}
