using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>What storing factors in a type does to them.</summary>
internal static class StoredType
{
    /// <summary>Whether float32 values change when they are stored so.</summary>
    public static bool Rounds(TensorDType dtype) => dtype is not (TensorDType.F32 or TensorDType.F64);

    /// <summary>Replaces every entry by what will be read back.</summary>
    public static void Round(Matrix<float> matrix, TensorDType dtype)
    {
        if (!Rounds(dtype))
            return;
        byte[] bytes = new byte[dtype.ByteLength(matrix.Columns)];
        for (int i = 0; i < matrix.Rows; i++)
        {
            TensorConversion.FromSingle(dtype, matrix.Row(i), bytes);
            TensorConversion.ToSingle(dtype, bytes, matrix.Row(i), "");
        }
    }
}
