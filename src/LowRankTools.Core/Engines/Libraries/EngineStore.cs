using System.Text.Json;
using System.Text.Json.Serialization;

namespace LowRankTools.Core.Engines.Libraries;

/// <summary>Where a native library is kept for the user: one at a time, with a record of it; the record may point to one that lies elsewhere.</summary>
/// <param name="root">Full path of the folder; made when something is installed.</param>
/// <param name="library">Name of the library's folder in it.</param>
internal sealed class EngineStore(string root, string library = EngineStore.LibTorchFolderName)
{
    /// <summary>Name of libtorch's folder among the engines of a user.</summary>
    public const string LibTorchFolderName = "libtorch";

    /// <summary>Environment variable that names another folder.</summary>
    public const string Variable = "LOWRANK_ENGINES";

    /// <summary>Name of the record.</summary>
    public const string RecordFile = "engine.json";

    private const string Temporary = ".installing-";
    private static readonly TimeSpan s_leftover = TimeSpan.FromDays(1);

    /// <summary>Folder of everything that was installed.</summary>
    public string Root => root;

    /// <summary>Folder of the library and its record.</summary>
    public string LibraryPath => Path.Combine(root, library);

    /// <summary>The user's: LOWRANK_ENGINES, or <c>lowrank/engines</c> in the system's place for a user's data.</summary>
    /// <param name="library">Name of the library's folder.</param>
    public static EngineStore OfUser(string library = EngineStore.LibTorchFolderName)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen)
            return new EngineStore(Path.GetFullPath(chosen), library);
        string data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return new EngineStore(Path.Combine(data.Length > 0 ? data : AppContext.BaseDirectory, "lowrank", "engines"), library);
    }

    /// <summary>What was installed or registered; null where nothing was, or its record is damaged.</summary>
    public EngineRecord? Record()
    {
        try
        {
            string file = Path.Combine(LibraryPath, RecordFile);
            return File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllBytes(file), EngineJson.Default.EngineRecord) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Folder of the library that was installed or registered, whether it is still there or not; null where none was.</summary>
    public string? Location() => Record() is { } record ? record.Path ?? LibraryPath : null;

    /// <summary>
    /// Puts a new library in the place of the old one. The old one goes aside and the new one takes its name: what has that name is
    /// always whole.
    /// </summary>
    /// <param name="make">Fills a folder, the second one given; the first is for work, and is removed.</param>
    public EngineRecord Replace(Func<string, string, EngineRecord> make)
    {
        Directory.CreateDirectory(root);
        foreach (string left in Directory.EnumerateDirectories(root, Temporary + "*").Where(f => DateTime.UtcNow - Directory.GetLastWriteTimeUtc(f) > s_leftover))
            TryDelete(left);
        string temporary = Path.Combine(root, Temporary + Guid.NewGuid().ToString("N")), made = Path.Combine(temporary, "made");
        try
        {
            Directory.CreateDirectory(made);
            EngineRecord record = make(Directory.CreateDirectory(Path.Combine(temporary, "work")).FullName, made);
            File.WriteAllBytes(Path.Combine(made, RecordFile), JsonSerializer.SerializeToUtf8Bytes(record, EngineJson.Default.EngineRecord));
            if (Directory.Exists(LibraryPath))
                Directory.Move(LibraryPath, Path.Combine(temporary, "old"));
            Directory.Move(made, LibraryPath);
            return record;
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Removes what was installed.</summary>
    /// <exception cref="IOException">A process holds it.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be removed.</exception>
    public void Remove()
    {
        string removed = Path.Combine(root, Temporary + Guid.NewGuid().ToString("N"));
        Directory.Move(LibraryPath, removed);
        TryDelete(removed);
    }

    private static void TryDelete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A library that a process has loaded, on Windows: a later installation removes it.
        }
    }
}

/// <summary>Record of an installed engine.</summary>
/// <param name="Version">Version of the library; null for a registered one that does not tell.</param>
/// <param name="Device">What it is built for: <c>cpu</c> or <c>cuda</c>.</param>
/// <param name="Package">Package that it came from; null for a registered one.</param>
/// <param name="Path">Where it lies; null for beside the record.</param>
/// <param name="Files">Files beside the record.</param>
internal sealed record EngineRecord(string? Version, string Device, string? Package, string? Path, IReadOnlyList<EngineFile> Files);

/// <summary>A file of an installed engine.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its size in bytes.</param>
/// <param name="Sha256">SHA-256 of its content, in hexadecimal digits.</param>
internal sealed record EngineFile(string Name, long Bytes, string Sha256);

/// <summary>Records of engines as JSON, by code that the compiler wrote.</summary>
[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(EngineRecord))]
internal sealed partial class EngineJson : JsonSerializerContext;
