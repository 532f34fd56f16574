namespace LowRankTools.Formats.Tensors;

/// <summary>Sizes and families of <see cref="TensorDType"/>.</summary>
public static class TensorDTypes
{
    /// <summary>
    /// How many elements share how many bytes. Plain types have one element a block. A switch and no dictionary: every
    /// start of a program pays for one of a type of its own.
    /// </summary>
    private static (int Elements, int Bytes) Block(TensorDType dtype) => dtype switch
    {
        TensorDType.BOOL => (1, 1),
        TensorDType.U8 => (1, 1),
        TensorDType.I8 => (1, 1),
        TensorDType.U16 => (1, 2),
        TensorDType.I16 => (1, 2),
        TensorDType.U32 => (1, 4),
        TensorDType.I32 => (1, 4),
        TensorDType.U64 => (1, 8),
        TensorDType.I64 => (1, 8),
        TensorDType.U4 => (2, 1),
        TensorDType.I4 => (2, 1),
        TensorDType.F16 => (1, 2),
        TensorDType.BF16 => (1, 2),
        TensorDType.F32 => (1, 4),
        TensorDType.F64 => (1, 8),
        TensorDType.F8_E5M2 => (1, 1),
        TensorDType.F8_E4M3 => (1, 1),
        TensorDType.F8_E5M2FNUZ => (1, 1),
        TensorDType.F8_E4M3FNUZ => (1, 1),
        TensorDType.F8_E8M0 => (1, 1),
        TensorDType.F6_E2M3 => (4, 3),
        TensorDType.F6_E3M2 => (4, 3),
        TensorDType.F4 => (2, 1),
        TensorDType.C64 => (1, 8),
        TensorDType.C128 => (1, 16),
        TensorDType.Q4_0 => (32, 18),
        TensorDType.Q4_1 => (32, 20),
        TensorDType.Q5_0 => (32, 22),
        TensorDType.Q5_1 => (32, 24),
        TensorDType.Q8_0 => (32, 34),
        TensorDType.Q8_1 => (32, 36),
        TensorDType.Q2_K => (256, 84),
        TensorDType.Q3_K => (256, 110),
        TensorDType.Q4_K => (256, 144),
        TensorDType.Q5_K => (256, 176),
        TensorDType.Q6_K => (256, 210),
        TensorDType.Q8_K => (256, 292),
        TensorDType.IQ2_XXS => (256, 66),
        TensorDType.IQ2_XS => (256, 74),
        TensorDType.IQ2_S => (256, 82),
        TensorDType.IQ3_XXS => (256, 98),
        TensorDType.IQ3_S => (256, 110),
        TensorDType.IQ1_S => (256, 50),
        TensorDType.IQ1_M => (256, 56),
        TensorDType.IQ4_NL => (32, 18),
        TensorDType.IQ4_XS => (256, 136),
        TensorDType.TQ1_0 => (256, 54),
        TensorDType.TQ2_0 => (256, 66),
        TensorDType.MXFP4 => (32, 17),
        TensorDType.NVFP4 => (64, 36),
        TensorDType.Q1_0 => (128, 18),
        TensorDType.Q2_0 => (64, 18),
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "No such element type."),
    };

    /// <summary>Elements in one block: 1 for plain types, 2 or 4 for packed ones, 32 to 256 for GGUF quants.</summary>
    public static int BlockElements(this TensorDType dtype) => Block(dtype).Elements;

    /// <summary>Bytes in one block.</summary>
    public static int BlockBytes(this TensorDType dtype) => Block(dtype).Bytes;

    /// <summary>Whether the values are real numbers (quantised or not), as weights are.</summary>
    public static bool IsFloat(this TensorDType dtype) =>
        dtype is >= TensorDType.F16 and <= TensorDType.F4 || dtype.IsQuantized();

    /// <summary>Whether the type is block-quantised: values share a scale with their neighbours.</summary>
    public static bool IsQuantized(this TensorDType dtype) => dtype >= TensorDType.Q4_0;

    /// <summary>
    /// Bytes of <paramref name="elements"/> consecutive elements; a partial block counts as a whole one.
    /// </summary>
    /// <exception cref="OverflowException">The size does not fit 64 bits.</exception>
    public static long ByteLength(this TensorDType dtype, long elements)
    {
        (int perBlock, int bytes) = Block(dtype);
        long blocks = elements / perBlock + (elements % perBlock == 0 ? 0 : 1);
        return checked(blocks * bytes);
    }
}
