namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>What no real checkpoint exceeds, and what a hostile one is stopped at before memory is spent.</summary>
internal static class PickleLimits
{
    /// <summary>Operations of one pickle. A tensor takes about sixty.</summary>
    public const int MaxOperations = 8_000_000;

    /// <summary>Longest text that is kept; longer ones are stepped over and held as opaque.</summary>
    public const int MaxTextBytes = 1 << 20;

    /// <summary>Bytes of all texts that are kept.</summary>
    public const long MaxTotalTextBytes = 64L << 20;

    /// <summary>Longest integer, in bytes; longer ones are held as opaque.</summary>
    public const int MaxIntegerBytes = 64;

    /// <summary>Longest name of a class or function.</summary>
    public const int MaxGlobalLength = 1024;

    /// <summary>Containers inside each other that tensors are looked for in.</summary>
    public const int MaxDepth = 200;

    /// <summary>Longest name of a tensor.</summary>
    public const int MaxNameLength = 2048;

    /// <summary>Tensors of one file; the same tensor under two names counts twice.</summary>
    public const int MaxTensors = 250_000;

    /// <summary>Characters of all tensors' names.</summary>
    public const long MaxTotalNameLength = 32L << 20;
}
