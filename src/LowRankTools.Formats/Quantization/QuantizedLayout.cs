using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Quantization;

/// <summary>
/// How a quantised matrix lies in a file. GGUF has blocks of its own. Safetensors gets the tensors of the compressed-tensors library:
/// <c>X.weight</c> (I8) or <c>X.weight_packed</c> (I32, eight levels + 8 each, the first in the lowest bits) with <c>X.weight_shape</c>
/// (I64), and <c>X.weight_scale</c>, one scale for each run of a row.
/// </summary>
public static class QuantizedLayout
{
    internal const string ScaleSuffix = "_scale", PackedSuffix = "_packed", ShapeSuffix = "_shape", ZeroPointSuffix = "_zero_point";

    /// <summary>Levels in one number of a packed tensor.</summary>
    internal const int PackedLevels = 8;

    private const int BlockLength = 32;

    /// <summary>Values of a row that must be whole blocks: 32, or 1 where any row will do.</summary>
    public static int RowMultiple(WeightQuantization kind) => kind == WeightQuantization.Int8 ? 1 : BlockLength;

    /// <summary>GGUF's type of the blocks; null where it has none.</summary>
    public static TensorDType? BlockType(WeightQuantization kind) => kind switch
    {
        WeightQuantization.Q8_0 => TensorDType.Q8_0,
        WeightQuantization.Q4_0 => TensorDType.Q4_0,
        _ => null,
    };

    /// <summary>Scales of one row.</summary>
    public static long ScalesOfRow(WeightQuantization kind, long columns) => kind == WeightQuantization.Int8 ? 1 : columns / BlockLength;

    /// <summary>Bytes of levels and scales of a matrix; what a file adds to tell its shape is not counted.</summary>
    /// <param name="kind">How it is stored.</param>
    /// <param name="rows">Rows, each with scales of its own.</param>
    /// <param name="columns">Columns, a multiple of <see cref="RowMultiple"/>.</param>
    public static long ByteLength(WeightQuantization kind, long rows, long columns) =>
        checked(rows * (LevelBytes(kind, columns) + ScaleBytes(kind, columns)));

    /// <summary>The tensors of safetensors that stand for a matrix, in the order in which they are written.</summary>
    /// <param name="kind">How it is stored.</param>
    /// <param name="matrix">Its name, and its sizes (rows, columns).</param>
    public static IReadOnlyList<TensorSpec> Tensors(WeightQuantization kind, TensorSpec matrix)
    {
        long rows = matrix.Shape[0], columns = matrix.Shape[1];
        TensorSpec scale = new(matrix.Name + ScaleSuffix, ScaleType(kind), [rows, ScalesOfRow(kind, columns)]);
        return kind == WeightQuantization.Q4_0
            ? [new TensorSpec(matrix.Name + PackedSuffix, TensorDType.I32, [rows, columns / PackedLevels]), scale, new TensorSpec(matrix.Name + ShapeSuffix, TensorDType.I64, [2])]
            : [new TensorSpec(matrix.Name, TensorDType.I8, [rows, columns]), scale];
    }

    /// <summary>Element type of scales.</summary>
    internal static TensorDType ScaleType(WeightQuantization kind) => kind == WeightQuantization.Int8 ? TensorDType.F32 : TensorDType.F16;

    /// <summary>Bytes of the levels of one row.</summary>
    public static long LevelBytes(WeightQuantization kind, long columns) => kind == WeightQuantization.Q4_0 ? columns / 2 : columns;

    /// <summary>Bytes of the scales of one row.</summary>
    public static long ScaleBytes(WeightQuantization kind, long columns) => ScaleType(kind).ByteLength(ScalesOfRow(kind, columns));
}
