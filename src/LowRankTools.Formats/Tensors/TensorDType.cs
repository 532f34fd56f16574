namespace LowRankTools.Formats.Tensors;

/// <summary>
/// Every element type that a supported model file can hold. Names follow the safetensors spelling
/// (<c>F8_E4M3</c>) and, for block-quantised types, the GGUF spelling (<c>Q4_K</c>).
/// </summary>
public enum TensorDType
{
    /// <summary>One byte, zero or one.</summary>
    BOOL,
    /// <summary>Unsigned 8-bit integer.</summary>
    U8,
    /// <summary>Signed 8-bit integer.</summary>
    I8,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Unsigned 4-bit integer, two a byte, low half first.</summary>
    U4,
    /// <summary>Signed 4-bit integer, two a byte, low half first.</summary>
    I4,
    /// <summary>IEEE 754 binary16.</summary>
    F16,
    /// <summary>The upper half of an IEEE 754 binary32.</summary>
    BF16,
    /// <summary>IEEE 754 binary32.</summary>
    F32,
    /// <summary>IEEE 754 binary64.</summary>
    F64,
    /// <summary>OCP 8-bit float, 5 exponent and 2 mantissa bits, with infinities.</summary>
    F8_E5M2,
    /// <summary>OCP 8-bit float, 4 exponent and 3 mantissa bits, no infinities, one NaN a sign.</summary>
    F8_E4M3,
    /// <summary>As <see cref="F8_E5M2"/> with exponent bias 16, no infinities, no negative zero.</summary>
    F8_E5M2FNUZ,
    /// <summary>As <see cref="F8_E4M3"/> with exponent bias 8, no infinities, no negative zero.</summary>
    F8_E4M3FNUZ,
    /// <summary>OCP scale: a power of two, 2^(x-127); 255 is NaN.</summary>
    F8_E8M0,
    /// <summary>OCP 6-bit float, 2 exponent and 3 mantissa bits, four in three bytes.</summary>
    F6_E2M3,
    /// <summary>OCP 6-bit float, 3 exponent and 2 mantissa bits, four in three bytes.</summary>
    F6_E3M2,
    /// <summary>OCP 4-bit float, 2 exponent and 1 mantissa bits, two a byte, low half first.</summary>
    F4,
    /// <summary>Complex number of two binary32.</summary>
    C64,
    /// <summary>Complex number of two binary64.</summary>
    C128,
    /// <summary>GGUF blocks of 32 at 4.5 bits: one half scale, 16 bytes of quants.</summary>
    Q4_0,
    /// <summary>GGUF blocks of 32 at 5 bits: half scale and minimum.</summary>
    Q4_1,
    /// <summary>GGUF blocks of 32 at 5.5 bits.</summary>
    Q5_0,
    /// <summary>GGUF blocks of 32 at 6 bits.</summary>
    Q5_1,
    /// <summary>GGUF blocks of 32 at 8.5 bits.</summary>
    Q8_0,
    /// <summary>GGUF blocks of 32 at 9 bits.</summary>
    Q8_1,
    /// <summary>GGUF super-blocks of 256 at 2.625 bits.</summary>
    Q2_K,
    /// <summary>GGUF super-blocks of 256 at 3.4375 bits.</summary>
    Q3_K,
    /// <summary>GGUF super-blocks of 256 at 4.5 bits.</summary>
    Q4_K,
    /// <summary>GGUF super-blocks of 256 at 5.5 bits.</summary>
    Q5_K,
    /// <summary>GGUF super-blocks of 256 at 6.5625 bits.</summary>
    Q6_K,
    /// <summary>GGUF super-blocks of 256 at 9.125 bits.</summary>
    Q8_K,
    /// <summary>GGUF super-blocks of 256 at 2.0625 bits, codebook.</summary>
    IQ2_XXS,
    /// <summary>GGUF super-blocks of 256 at 2.3125 bits, codebook.</summary>
    IQ2_XS,
    /// <summary>GGUF super-blocks of 256 at 2.5625 bits, codebook.</summary>
    IQ2_S,
    /// <summary>GGUF super-blocks of 256 at 3.0625 bits, codebook.</summary>
    IQ3_XXS,
    /// <summary>GGUF super-blocks of 256 at 3.4375 bits, codebook.</summary>
    IQ3_S,
    /// <summary>GGUF super-blocks of 256 at 1.5625 bits, codebook.</summary>
    IQ1_S,
    /// <summary>GGUF super-blocks of 256 at 1.75 bits, codebook.</summary>
    IQ1_M,
    /// <summary>GGUF blocks of 32 at 4.5 bits, non-linear levels.</summary>
    IQ4_NL,
    /// <summary>GGUF super-blocks of 256 at 4.25 bits, non-linear levels.</summary>
    IQ4_XS,
    /// <summary>GGUF super-blocks of 256 ternary digits at 1.6875 bits.</summary>
    TQ1_0,
    /// <summary>GGUF super-blocks of 256 ternary digits at 2.0625 bits.</summary>
    TQ2_0,
    /// <summary>GGUF blocks of 32 OCP 4-bit floats with one shared power-of-two scale.</summary>
    MXFP4,
    /// <summary>GGUF blocks of 64 OCP 4-bit floats with four 8-bit float scales.</summary>
    NVFP4,
    /// <summary>GGUF blocks of 128 signs at 1.125 bits.</summary>
    Q1_0,
    /// <summary>GGUF blocks of 64 at 2.25 bits: four levels around zero.</summary>
    Q2_0,
}
