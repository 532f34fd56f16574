namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>A storage that the pickle refers to: its bytes lie elsewhere in the file, under the key.</summary>
/// <param name="Key">Name of the storage in its folder, or number in a legacy file.</param>
/// <param name="Folder">Folder of the archive that holds it: <c>data</c>, or <c>constants</c> in TorchScript; empty in a legacy file.</param>
/// <param name="DType">Element type; null where the storage is only bytes.</param>
/// <param name="Bytes">Length that the pickle promises.</param>
/// <param name="ViewOffset">First byte that tensors count from: legacy files know views of storages.</param>
internal sealed record TorchStorage(string Key, string Folder, TorchElement? DType, long Bytes, long ViewOffset)
{
    /// <summary>Unique in the file.</summary>
    public string Id => Folder.Length == 0 ? Key : $"{Folder}/{Key}";
}
