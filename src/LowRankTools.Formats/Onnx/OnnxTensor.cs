using System.Collections.Immutable;

namespace LowRankTools.Formats.Onnx;

/// <summary>One <c>TensorProto</c> (or a Constant's bare numbers) as it stands in the file, values unread.</summary>
internal sealed class OnnxTensor
{
    /// <summary>Where the message begins: tensors are listed in this order.</summary>
    public required long Position { get; init; }

    /// <summary>Name of the tensor, or of the node's output that it is.</summary>
    public string Name { get; set; } = "";

    /// <summary>Sizes.</summary>
    public ImmutableArray<long> Dims { get; set; } = [];

    /// <summary>Number of <c>TensorProto.DataType</c>.</summary>
    public int DataType { get; set; }

    /// <summary>The plain little-endian values, if they are written so.</summary>
    public MessageSpan Raw { get; set; }

    /// <summary>The typed fields that occur, by field number.</summary>
    public Dictionary<int, RepeatedNumbers> Typed { get; } = [];

    /// <summary>Where the values lie outside the file: location, offset, length.</summary>
    public Dictionary<string, string>? External { get; set; }

    /// <summary>Texts are no numbers: such a tensor is not listed.</summary>
    public bool IsText => DataType == OnnxElementType.Text;

    /// <summary>Indices of a sparse tensor, padding amounts and the like: never a weight, whoever reads it.</summary>
    public bool IsBuffer { get; init; }

    /// <summary>Numbers that stand in an attribute itself: <c>value_float</c>, <c>value_ints</c>, ...</summary>
    public static OnnxTensor FromNumbers(long position, bool isFloat, RepeatedNumbers numbers, ImmutableArray<long> dims)
    {
        OnnxTensor tensor = new() { Position = position, Dims = dims, DataType = isFloat ? OnnxElementType.Float : OnnxElementType.Int64 };
        tensor.Typed[isFloat ? OnnxFields.TensorFloatData : OnnxFields.TensorInt64Data] = numbers;
        return tensor;
    }
}
