using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Speed;

/// <summary>What a layer has to do for a batch of tokens.</summary>
/// <param name="Flops">Floating-point operations, a multiplication and an addition being two; without the bias.</param>
/// <param name="Bytes">Bytes of float32 that must move at least: every operand and every result once.</param>
public readonly record struct LayerWork(long Flops, long Bytes)
{
    private const int Float32Bytes = 4;

    /// <summary>Dense, y = x W^T: 2 b m n operations; W, x and y.</summary>
    public static LayerWork Dense(MatrixShape shape, int batch)
    {
        long m = shape.OutFeatures, n = shape.InFeatures, b = batch;
        return new LayerWork(checked(2 * b * m * n), checked(Float32Bytes * (m * n + b * (m + n))));
    }

    /// <summary>Pair, h = x A^T and y = h B^T: 2 b r (m + n) operations; A, B, x, y, and h written and read.</summary>
    public static LayerWork Pair(MatrixShape shape, int rank, int batch)
    {
        long m = shape.OutFeatures, n = shape.InFeatures, b = batch, r = rank;
        return new LayerWork(checked(2 * b * r * (m + n)), checked(Float32Bytes * (r * (m + n) + b * (m + n + 2 * r))));
    }
}
