using System.Text;
using System.Text.Json;
using LowRankTools.Formats.Archives;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>The zip archive that <c>torch.save</c> has written since version 1.6, and <c>torch.jit.save</c>.</summary>
internal static class TorchArchive
{
    private const string PickleRecord = "data.pkl";
    private const long MaxMetadataBytes = 16 * 1024 * 1024;

    /// <summary>Reads the archive's pickles and locates every storage.</summary>
    public static TorchContents Read(ModelFileHandle file)
    {
        ZipDirectory zip = new(file);
        string root = FindRoot(zip);
        List<NamedTensor> tensors = TorchNaming.Name(LoadPickle(file, zip, root + PickleRecord, "data"));
        // A frozen TorchScript module has all its weights among the constants of its code.
        if (zip.Find(root + "constants.pkl") is not null)
        {
            bool isModel = tensors.Count == 0;
            tensors.AddRange(TorchNaming.Name(LoadPickle(file, zip, root + "constants.pkl", "constants"))
                .Select(c => c with { Name = $"CONSTANTS.c{c.Name}", IsBuffer = !isModel }));
        }
        Dictionary<string, StoragePlace> located = new(StringComparer.Ordinal);
        return new TorchContents(tensors, storage => Locate(zip, root, storage, located), IsBigEndian(file, zip, root), ReadMetadata(file, zip, root));
    }

    /// <summary>Everything in the archive lies in one folder, named after the file that was first saved.</summary>
    private static string FindRoot(ZipDirectory zip)
    {
        string? found = null;
        foreach (ZipEntry entry in zip.Entries)
        {
            string name = entry.Name;
            if (!name.EndsWith(PickleRecord, StringComparison.Ordinal))
                continue;
            string root = name[..^PickleRecord.Length];
            if (root.IndexOf('/', StringComparison.Ordinal) != root.Length - 1)
                continue;
            if (found is not null)
                throw new ModelFormatException(FormatErrors.ArchiveInvalid, $"The archive holds two models, in '{found}' and '{root}'.");
            found = root;
        }
        if (found is not null)
            return found;
        if (zip.Entries.Any(e => e.Name.EndsWith("/model.json", StringComparison.Ordinal) || e.Name.EndsWith("/.data/extern_modules", StringComparison.Ordinal)))
        {
            throw new ModelFormatException(FormatErrors.VersionUnsupported, "This is a TorchScript archive from before version 1.1, or a torch.package.",
                remedy: "Load it with PyTorch and save its state_dict.");
        }
        throw new ModelFormatException(FormatErrors.UnknownFormat, "This is a zip archive, but not of PyTorch: it has no data.pkl.");
    }

    private static object LoadPickle(ModelFileHandle file, ZipDirectory zip, string name, string folder)
    {
        ZipEntry entry = zip.Find(name)!;
        long start = zip.DataOffset(entry);
        zip.Verify(entry);
        return new PickleMachine(new PickleInput(file, start, start + entry.Length), new TorchObjects(folder)).Load();
    }

    private static StoragePlace Locate(ZipDirectory zip, string root, TorchStorage storage, Dictionary<string, StoragePlace> located)
    {
        if (located.TryGetValue(storage.Id, out StoragePlace place))
            return place;
        ZipEntry entry = zip.Find(root + storage.Id) ?? throw new ModelFormatException(FormatErrors.TensorTruncated,
            $"The archive has no record '{storage.Id}', where the values of a tensor should be.");
        long start = zip.DataOffset(entry);
        return located[storage.Id] = new StoragePlace(start, entry.Length, entry.Crc == 0 ? null : new RecordChecksum(entry.Name, start, entry.Length, entry.Crc));
    }

    private static bool IsBigEndian(ModelFileHandle file, ZipDirectory zip, string root)
    {
        if (zip.Find(root + "byteorder") is not { Length: <= 16 } entry)
            return false;
        return Encoding.UTF8.GetString(ReadRecord(file, zip, entry)).Trim() switch
        {
            "little" => false,
            "big" => true,
            var other => throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The byte order '{other}' is not known."),
        };
    }

    private static Dictionary<string, string> ReadMetadata(ModelFileHandle file, ZipDirectory zip, string root)
    {
        if (zip.Find(root + PyTorchModelWriter.MetadataRecord) is not { Length: <= MaxMetadataBytes } entry)
            return [];
        try
        {
            return JsonSerializer.Deserialize(ReadRecord(file, zip, entry), MetadataJson.Default.DictionaryStringString) ?? [];
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(FormatErrors.HeaderInvalid, $"The record '{entry.Name}' is not a JSON object of texts: {e.Message}", inner: e);
        }
    }

    private static byte[] ReadRecord(ModelFileHandle file, ZipDirectory zip, ZipEntry entry)
    {
        long start = zip.DataOffset(entry);
        zip.Verify(entry);
        byte[] bytes = new byte[entry.Length];
        file.ReadExactly(start, bytes, FormatErrors.ArchiveInvalid);
        return bytes;
    }
}
