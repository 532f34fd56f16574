using System.Diagnostics;
using LowRankTools.Core.Engines;

namespace LowRankTools.Core.Tests;

public sealed class EngineLoadContextTests
{
    // Every process of .NET has loaded its compiler.
    private const string Library = "clrjit";

    [Fact]
    public void A_native_library_that_the_process_already_has_is_shared()
    {
        using TemporaryCopy copy = new(extraBytes: 0);
        new EngineLoadContext(copy.Folder).LoadNative(copy.File);
        Assert.DoesNotContain(LoadedFiles(), file => file.StartsWith(copy.Folder, StringComparison.Ordinal));
    }

    [Fact]
    public void Another_build_of_a_loaded_native_library_is_refused_with_its_place()
    {
        using TemporaryCopy copy = new(extraBytes: 16);
        DllNotFoundException error = Assert.Throws<DllNotFoundException>(() => new EngineLoadContext(copy.Folder).LoadNative(copy.File));
        Assert.Contains(Path.GetDirectoryName(copy.Original)!, error.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> LoadedFiles()
    {
        using Process process = Process.GetCurrentProcess();
        return [.. process.Modules.Cast<ProcessModule>().Select(module => module.FileName)];
    }

    private sealed class TemporaryCopy : IDisposable
    {
        public TemporaryCopy(int extraBytes)
        {
            Original = LoadedFiles().First(file => Path.GetFileNameWithoutExtension(file) is Library or "lib" + Library);
            Folder = Directory.CreateTempSubdirectory("lowrank-native-").FullName;
            File = Path.Combine(Folder, Path.GetFileName(Original));
            System.IO.File.Copy(Original, File);
            using FileStream stream = new(File, FileMode.Append);
            stream.Write(new byte[extraBytes]);
        }

        public string Original { get; }

        public string Folder { get; }

        public string File { get; }

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
