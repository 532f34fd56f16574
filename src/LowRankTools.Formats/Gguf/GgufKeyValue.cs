namespace LowRankTools.Formats.Gguf;

/// <summary>Where a key-value lies in a file, its key, type and value together.</summary>
/// <param name="Key">The key.</param>
/// <param name="Start">Position of the key's length.</param>
/// <param name="End">Position after the value.</param>
internal readonly record struct GgufKeyValue(string Key, long Start, long End);
