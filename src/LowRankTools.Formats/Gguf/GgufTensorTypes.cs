using System.Collections.Frozen;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf;

/// <summary>Type numbers of ggml: those in use, and those that were given up and must not be guessed at.</summary>
internal static class GgufTensorTypes
{
    private static readonly FrozenDictionary<uint, TensorDType> s_types = new Dictionary<uint, TensorDType>
    {
        [0] = TensorDType.F32,
        [1] = TensorDType.F16,
        [2] = TensorDType.Q4_0,
        [3] = TensorDType.Q4_1,
        [6] = TensorDType.Q5_0,
        [7] = TensorDType.Q5_1,
        [8] = TensorDType.Q8_0,
        [9] = TensorDType.Q8_1,
        [10] = TensorDType.Q2_K,
        [11] = TensorDType.Q3_K,
        [12] = TensorDType.Q4_K,
        [13] = TensorDType.Q5_K,
        [14] = TensorDType.Q6_K,
        [15] = TensorDType.Q8_K,
        [16] = TensorDType.IQ2_XXS,
        [17] = TensorDType.IQ2_XS,
        [18] = TensorDType.IQ3_XXS,
        [19] = TensorDType.IQ1_S,
        [20] = TensorDType.IQ4_NL,
        [21] = TensorDType.IQ3_S,
        [22] = TensorDType.IQ2_S,
        [23] = TensorDType.IQ4_XS,
        [24] = TensorDType.I8,
        [25] = TensorDType.I16,
        [26] = TensorDType.I32,
        [27] = TensorDType.I64,
        [28] = TensorDType.F64,
        [29] = TensorDType.IQ1_M,
        [30] = TensorDType.BF16,
        [34] = TensorDType.TQ1_0,
        [35] = TensorDType.TQ2_0,
        [39] = TensorDType.MXFP4,
        [40] = TensorDType.NVFP4,
        [41] = TensorDType.Q1_0,
        [42] = TensorDType.Q2_0,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<uint, string> s_removed = new Dictionary<uint, string>
    {
        [4] = "Q4_2",
        [5] = "Q4_3",
        [31] = "Q4_0_4_4",
        [32] = "Q4_0_4_8",
        [33] = "Q4_0_8_8",
        [36] = "IQ4_NL_4_4",
        [37] = "IQ4_NL_4_8",
        [38] = "IQ4_NL_8_8",
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<TensorDType, uint> s_numbers = s_types.ToFrozenDictionary(t => t.Value, t => t.Key);

    /// <summary>The number of an element type; null where ggml has none.</summary>
    public static uint? Number(TensorDType dtype) => s_numbers.TryGetValue(dtype, out uint number) ? number : null;

    /// <summary>The element type of a number.</summary>
    /// <exception cref="ModelFormatException"><c>DTypeUnsupported</c>: given up or not known.</exception>
    public static TensorDType Find(uint number, string tensor)
    {
        if (s_types.TryGetValue(number, out TensorDType dtype))
            return dtype;
        if (s_removed.TryGetValue(number, out string? name))
        {
            throw new ModelFormatException(FormatErrors.DTypeUnsupported,
                $"Tensor '{tensor}' is of type {name} (number {number}), which ggml has given up.", tensor: tensor,
                remedy: "Quantise the model again from its source with a current program.");
        }
        throw new ModelFormatException(FormatErrors.DTypeUnsupported, $"Tensor '{tensor}' is of type number {number}, which is not known.", tensor: tensor);
    }
}
