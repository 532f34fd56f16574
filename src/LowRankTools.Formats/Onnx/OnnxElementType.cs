using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>Numbers of <c>TensorProto.DataType</c>, what they are called here, and which field holds their values.</summary>
internal static class OnnxElementType
{
    public const int Float = 1;
    public const int Int8 = 3;
    public const int Int64 = 7;
    public const int Text = 8;
    public const int Half = 10;
    public const int Double = 11;
    public const int BFloat = 16;

    /// <summary>The element type.</summary>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: undefined, 2-bit integers, or newer than this reader.</exception>
    public static TensorDType ToDType(int type, string tensor) => type switch
    {
        Float => TensorDType.F32,
        2 => TensorDType.U8,
        3 => TensorDType.I8,
        4 => TensorDType.U16,
        5 => TensorDType.I16,
        6 => TensorDType.I32,
        Int64 => TensorDType.I64,
        9 => TensorDType.BOOL,
        Half => TensorDType.F16,
        Double => TensorDType.F64,
        12 => TensorDType.U32,
        13 => TensorDType.U64,
        14 => TensorDType.C64,
        15 => TensorDType.C128,
        BFloat => TensorDType.BF16,
        17 => TensorDType.F8_E4M3,
        18 => TensorDType.F8_E4M3FNUZ,
        19 => TensorDType.F8_E5M2,
        20 => TensorDType.F8_E5M2FNUZ,
        21 => TensorDType.U4,
        22 => TensorDType.I4,
        23 => TensorDType.F4,
        24 => TensorDType.F8_E8M0,
        _ => throw new ModelFormatException(FormatErrors.DTypeUnsupported,
            $"Tensor '{tensor}' has the element type {type}, which is not read here.", tensor: tensor),
    };

    /// <summary>The element type; null for one that is not read here.</summary>
    public static TensorDType? TryToDType(long? type)
    {
        try
        {
            return type is >= Float and <= int.MaxValue and not Text ? ToDType((int)type, "") : null;
        }
        catch (ModelFormatException)
        {
            return null;
        }
    }

    /// <summary>The number of an element type.</summary>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: ONNX has none.</exception>
    public static int ToNumber(TensorDType dtype, string tensor)
    {
        for (int number = Float; number <= BFloat; number++)
        {
            if (number != Text && ToDType(number, tensor) == dtype)
                return number;
        }
        throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Tensor '{tensor}' is of type {dtype}, for which ONNX has no number here.", tensor: tensor);
    }

    /// <summary>The typed field of <c>TensorProto</c> that holds the values where <c>raw_data</c> does not.</summary>
    public static int DataField(TensorDType dtype) => dtype switch
    {
        TensorDType.F32 or TensorDType.C64 => OnnxFields.TensorFloatData,
        TensorDType.F64 or TensorDType.C128 => OnnxFields.TensorDoubleData,
        TensorDType.I64 => OnnxFields.TensorInt64Data,
        TensorDType.U32 or TensorDType.U64 => OnnxFields.TensorUInt64Data,
        _ => OnnxFields.TensorInt32Data,
    };
}
