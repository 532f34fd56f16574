using LowRankTools.Formats.IO;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>What either kind of PyTorch file comes down to.</summary>
/// <param name="Tensors">The model's tensors.</param>
/// <param name="Locate">Where a storage lies.</param>
/// <param name="IsBigEndian">Whether storages are in the other byte order.</param>
/// <param name="Metadata">Free text.</param>
internal sealed record TorchContents(IReadOnlyList<NamedTensor> Tensors, Func<TorchStorage, StoragePlace> Locate,
    bool IsBigEndian, IReadOnlyDictionary<string, string> Metadata);

/// <summary>Where a storage lies in the file.</summary>
/// <param name="Start">Absolute position of its first byte.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Checksum">Checks it when it is read whole; null where the file has no checksum of it.</param>
internal readonly record struct StoragePlace(long Start, long Length, RecordChecksum? Checksum = null);
