namespace LowRankTools.Formats;

/// <summary>What either kind of PyTorch file comes down to.</summary>
/// <param name="Tensors">The model's tensors.</param>
/// <param name="Locate">Where a storage lies: absolute position and length.</param>
/// <param name="IsBigEndian">Whether storages are in the other byte order.</param>
/// <param name="Metadata">Free text.</param>
internal sealed record TorchContents(IReadOnlyList<NamedTensor> Tensors, Func<TorchStorage, (long Start, long Length)> Locate,
    bool IsBigEndian, IReadOnlyDictionary<string, string> Metadata);
