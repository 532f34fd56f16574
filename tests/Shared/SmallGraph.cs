using LowRankTools.Formats.Tests.Onnx;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Tests;

/// <summary>The smallest graph of ONNX that runs: y = x W with a W (24 x 16) of rank <see cref="Rank"/>.</summary>
internal static class SmallGraph
{
    public const int Rank = 2;

    private const int Inputs = 24, Outputs = 16;

    public static void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, Model(Weight("w", Inputs, Outputs), Node("MatMul", ["x", "w"], ["y"]), Value(11, "x", Inputs), Value(12, "y", Outputs)));
    }

    // Rows of any number, which runs at once.
    private static Action<ProtoWriter> Value(int field, string name, int width) => graph => graph.Message(field, value => value.Text(1, name)
        .Message(2, type => type.Message(1, tensor => tensor.Varint(1, OnnxBuilder.Float)
            .Message(2, shape => shape.Message(1, d => d.Text(2, "n")).Message(1, d => d.Varint(1, width))))));
}
