using System.Runtime.InteropServices;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Models;

/// <summary>ONNX models with values in every field that may hold them, in subgraphs and functions, and in files beside.</summary>
internal static class OnnxModels
{
    private const int Half = 10, Long = OnnxBuilder.Long, Float = OnnxBuilder.Float;

    public static IEnumerable<ModelFiles> All()
    {
        yield return new("ONNX", new ModelPart("model.onnx", FileKind.Onnx, Graph()));
        yield return new("ONNX with data beside", new ModelPart("model.onnx", FileKind.Onnx, External()), new ModelPart("s1", FileKind.Raw, [.. T(48), .. T(6)]), new ModelPart("s2", FileKind.Raw, T(35)));
    }

    private static byte[] T(int count) => MemoryMarshal.AsBytes<float>(OnnxBuilder.Ramp(count)).ToArray();

    private static byte[] Graph() => OnnxBuilder.WholeModel(model => model
        .Message(14, entry => entry.Text(1, "author").Text(2, "nobody"))
        .Message(7, graph => OnnxBuilder.Each(graph,
        [
            g => g.Message(11, input => input.Text(1, "x")),
            OnnxBuilder.Weight("w", 6, 8),
            OnnxBuilder.Initializer(OnnxBuilder.Tensor("typed", Float, [5, 6], t => t.Bytes(4, T(30)))),
            OnnxBuilder.Initializer(OnnxBuilder.Tensor("half", Half, [2, 3], t => Array.ForEach([1, 2, 3, 4, 5, 6], v => t.Varint(5, v)))),
            OnnxBuilder.Initializer(OnnxBuilder.Tensor("shape", Long, [2], t => t.Varint(7, 6).Varint(7, -1))),
            OnnxBuilder.Constant("c", OnnxBuilder.Tensor("", Float, [4, 5], t => t.Bytes(9, T(20)))),
            OnnxBuilder.Node("MatMul", ["x", "w"], ["y"]),
            OnnxBuilder.Node("Transpose", ["typed"], ["turned"], OnnxBuilder.IntsAttribute("perm", 1, 0)),
            OnnxBuilder.Node("Gemm", ["y", "turned"], ["z"], OnnxBuilder.IntAttribute("transB", 1)),
            OnnxBuilder.Node("If", ["q"], ["r"], OnnxBuilder.GraphAttribute("then_branch", OnnxBuilder.Weight("inner", 3, 4))),
            g => g.Message(15, sparse => sparse
                .Message(1, t => OnnxBuilder.Tensor("sparse", Float, [2], v => v.Bytes(9, T(2)))(t))
                .Message(2, t => OnnxBuilder.Tensor("", Long, [2], v => v.Varint(7, 1).Varint(7, 3))(t)).Varint(3, 8)),
        ]))
        .Message(25, function =>
        {
            function.Text(1, "f").Text(4, "x").Text(10, "custom");
            function.Message(7, node => node.Text(2, "k").Text(4, "Constant").Message(5, a => a.Text(1, "value_floats").Bytes(7, T(3))));
        }));

    private static byte[] External() => OnnxBuilder.Model(
        OnnxBuilder.Node("MatMul", ["x", "a"], ["y"]),
        OnnxBuilder.Node("Gemm", ["y", "b"], ["z"]),
        Beside("a", "s1", 0, 48 * 4, 6, 8), Beside("bias", "s1", 48 * 4, 6 * 4, 6), Beside("b", "s2", 0, 35 * 4, 5, 7));

    private static Action<ProtoWriter> Beside(string name, string location, long offset, long length, params long[] dims) =>
        OnnxBuilder.Initializer(OnnxBuilder.Tensor(name, Float, dims, t =>
        {
            foreach ((string key, string value) in ((string, string)[])[("location", location), ("offset", $"{offset}"), ("length", $"{length}")])
                t.Message(13, entry => entry.Text(1, key).Text(2, value));
            t.Varint(14, 1);
        }));
}
