using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Engines.OnnxRuntime;

/// <summary>An input or an output of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type.</param>
/// <param name="Sizes">Sizes, slowest first; -1 for one that is open.</param>
internal sealed record OnnxPort(string Name, TensorDType Type, long[] Sizes)
{
    /// <summary>Whether a value has sizes that the port takes.</summary>
    public bool Takes(IReadOnlyList<long> sizes) => sizes.Count == Sizes.Length && Sizes.Zip(sizes).All(pair => pair.First < 0 || pair.First == pair.Second);

    /// <summary>Whether another port takes and gives the same.</summary>
    public bool IsLike(OnnxPort other) => Name == other.Name && Type == other.Type && Sizes.SequenceEqual(other.Sizes);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type} ({Text(Sizes)})";

    /// <summary>Sizes for people; <c>?</c> is open.</summary>
    public static string Text(IEnumerable<long> sizes) => string.Join(" x ", sizes.Select(s => s < 0 ? "?" : s.ToString(System.Globalization.CultureInfo.InvariantCulture)));
}

/// <summary>A tensor that a graph is given, or answers.</summary>
/// <param name="Type">Element type.</param>
/// <param name="Sizes">Sizes, slowest first.</param>
/// <param name="Bytes">Elements in C order, little-endian.</param>
internal sealed record OnnxValue(TensorDType Type, long[] Sizes, byte[] Bytes)
{
    /// <summary>Number of elements.</summary>
    public int Count => Bytes.Length / Type.BlockBytes();
}

/// <summary>Element types that ONNX Runtime computes with and that are numbers here, by their numbers in <c>TensorProto.DataType</c>.</summary>
internal static class OnnxTypes
{
    private static readonly (int Number, TensorDType Type)[] s_types =
    [
        (1, TensorDType.F32), (2, TensorDType.U8), (3, TensorDType.I8), (4, TensorDType.U16), (5, TensorDType.I16), (6, TensorDType.I32), (7, TensorDType.I64),
        (9, TensorDType.BOOL), (10, TensorDType.F16), (11, TensorDType.F64), (12, TensorDType.U32), (13, TensorDType.U64), (16, TensorDType.BF16),
    ];

    /// <summary>The element type; null for text, complex numbers and packed types.</summary>
    public static TensorDType? Of(int number) => Array.FindIndex(s_types, t => t.Number == number) is >= 0 and var place ? s_types[place].Type : null;

    /// <summary>Its number.</summary>
    public static int Number(TensorDType type) => s_types.First(t => t.Type == type).Number;
}
