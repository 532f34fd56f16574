using System.Diagnostics.CodeAnalysis;

namespace LowRankTools.Formats.Quantization;

/// <summary>How a matrix is stored in whole numbers of few bits and scales. All are symmetric: value = level x scale.</summary>
public enum WeightQuantization
{
    /// <summary>8 bits, -127 to 127, one float32 scale a row: one for each output channel of a matrix that is stored (out, in).</summary>
    [SuppressMessage("Naming", "CA1720", Justification = "It is what this way of storing is called everywhere.")]
    Int8,
    /// <summary>8 bits, -127 to 127, one float16 scale for each 32 of a row: 8.5 bits a value, as ggml's blocks of that name.</summary>
    Q8_0,
    /// <summary>4 bits, -8 to 7, one float16 scale for each 32 of a row: 4.5 bits a value, as ggml's blocks of that name.</summary>
    Q4_0,
}
