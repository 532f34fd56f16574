using System.Collections.Frozen;
using System.Numerics;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// The stream that <c>torch.save</c> wrote before version 1.6: five pickles (a magic number, the protocol, facts of
/// the machine, the object, the storages' keys), then every storage as a count of elements and its raw bytes.
/// </summary>
internal static class TorchLegacy
{
    private const long Protocol = 1001;
    private const int TarBlock = 512;

    private static readonly BigInteger s_magic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Reads the pickles and the storages' counts; their bytes are stepped over.</summary>
    public static TorchContents Read(ModelFileHandle file)
    {
        RefuseTar(file);
        PickleInput input = new(file, 0, file.Length);
        if (Load(input) is not BigInteger magic || magic != s_magic)
            throw new ModelFormatException(FormatErrors.UnknownFormat, "This is a pickle, but not one that PyTorch wrote.");
        if (Load(input) is not Protocol)
            throw new ModelFormatException(FormatErrors.VersionUnsupported, $"Its protocol is not {Protocol}.", remedy: "Load it with PyTorch and save it again.");
        Load(input);
        TorchObjects objects = new("");
        object root = new PickleMachine(input, objects).Load();
        object keys = Load(input);
        List<NamedTensor> tensors = TorchNaming.Name(root);
        FrozenDictionary<string, StoragePlace> storages = LocateStorages(file, input.Position, Keys(keys), objects);
        // Storages are little-endian whatever the machine; its byte order is told for information.
        return new TorchContents(tensors, storage => Locate(storages, storage), IsBigEndian: false, new Dictionary<string, string>());
    }

    /// <summary>Only the fourth pickle may hold tensors; the others are read by the same rules.</summary>
    private static object Load(PickleInput input) => new PickleMachine(input, new TorchObjects("")).Load();

    private static IReadOnlyList<object> Keys(object keys) =>
        keys is PickleList list ? list.Items : throw new ModelFormatException(FormatErrors.PickleInvalid, "The list of storages is missing.");

    private static FrozenDictionary<string, StoragePlace> LocateStorages(ModelFileHandle file, long position, IReadOnlyList<object> keys, TorchObjects objects)
    {
        Dictionary<string, StoragePlace> located = new(StringComparer.Ordinal);
        Span<byte> count = stackalloc byte[sizeof(long)];
        foreach (object key in keys)
        {
            if (key as string is not { } name || !objects.Storages.TryGetValue(name, out TorchStorage? storage))
                throw new ModelFormatException(FormatErrors.PickleInvalid, $"The list of storages names '{key}', which no tensor uses.");
            file.ReadExactly(position, count);
            long elements = System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(count);
            position += sizeof(long);
            int size = storage.DType?.Size ?? 1;
            if (elements < 0 || elements > (file.Length - position) / size)
            {
                throw new ModelFormatException(FormatErrors.TensorTruncated, $"Storage '{name}' of {elements} elements does not fit the file.");
            }
            if (!located.TryAdd(name, new StoragePlace(position, elements * size)))
                throw new ModelFormatException(FormatErrors.PickleInvalid, $"Storage '{name}' stands twice in the list.");
            position += elements * size;
        }
        return located.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static StoragePlace Locate(FrozenDictionary<string, StoragePlace> storages, TorchStorage storage) =>
        storages.TryGetValue(storage.Key, out StoragePlace place)
            ? place
            : throw new ModelFormatException(FormatErrors.TensorTruncated, $"Storage '{storage.Key}' is not in the file.");

    private static void RefuseTar(ModelFileHandle file)
    {
        byte[] block = new byte[TarBlock];
        if (file.ReadUpTo(0, block) == TarBlock && block.AsSpan(257).StartsWith("ustar"u8))
        {
            throw new ModelFormatException(FormatErrors.VersionUnsupported, "This is the tar archive that PyTorch wrote before version 0.2.",
                remedy: "Load it with PyTorch 2.5 or older and save its state_dict again.");
        }
    }
}
