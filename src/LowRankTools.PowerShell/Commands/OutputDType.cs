namespace LowRankTools.PowerShell.Commands;

/// <summary>Element types that weights are written in.</summary>
public enum OutputDType
{
    /// <summary>32-bit float.</summary>
    F32,
    /// <summary>16-bit float.</summary>
    F16,
    /// <summary>The upper half of a 32-bit float.</summary>
    BF16,
    /// <summary>64-bit float.</summary>
    F64,
    /// <summary>Blocks of 32 8-bit integers with a scale, for dense weights in GGUF.</summary>
    Q8_0,
}
