using LowRankTools.Formats.Tensors;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Weights;

/// <summary>Element types of files and of libtorch that hold the same bytes.</summary>
internal static class ElementTypes
{
    private static readonly (TensorDType File, ScalarType Torch)[] s_same =
    [
        (TensorDType.F32, ScalarType.Float32), (TensorDType.F64, ScalarType.Float64), (TensorDType.F16, ScalarType.Float16), (TensorDType.BF16, ScalarType.BFloat16),
        (TensorDType.I64, ScalarType.Int64), (TensorDType.I32, ScalarType.Int32), (TensorDType.I16, ScalarType.Int16), (TensorDType.I8, ScalarType.Int8),
        (TensorDType.U8, ScalarType.Byte), (TensorDType.BOOL, ScalarType.Bool), (TensorDType.C64, ScalarType.ComplexFloat32), (TensorDType.C128, ScalarType.ComplexFloat64),
    ];

    /// <summary>The type of libtorch with the same bytes; null where there is none.</summary>
    public static ScalarType? ToTorch(TensorDType dtype)
    {
        int found = Array.FindIndex(s_same, pair => pair.File == dtype);
        return found < 0 ? null : s_same[found].Torch;
    }

    /// <summary>The type of files with the same bytes; null where there is none.</summary>
    public static TensorDType? ToFile(ScalarType type)
    {
        int found = Array.FindIndex(s_same, pair => pair.Torch == type);
        return found < 0 ? null : s_same[found].File;
    }
}
