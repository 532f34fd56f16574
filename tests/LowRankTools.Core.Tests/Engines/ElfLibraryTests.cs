using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;
using LowRankTools.Tests;

namespace LowRankTools.Core.Tests.Engines;

/// <summary>Reading what a library asks and offers, of the libraries that this very process runs on.</summary>
public sealed class ElfLibraryTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private static string CppRuntime => LoadedLibraries.Find("libstdc++.so.6")!;

    private static string Runtime => LoadedLibraries.Find("libcoreclr.so")!;

    public void Dispose() => _folder.Dispose();

    [LinuxOnlyFact]
    public void What_a_running_process_loaded_fits_it()
    {
        ElfLibrary runtime = ElfLibrary.Read(Runtime);
        Assert.Contains(runtime.Needs, n => n.Library == "libstdc++.so.6");
        Assert.Empty(LibTorchCheck.Missing(runtime, LoadedLibraries.Files()));
    }

    [LinuxOnlyFact]
    public void A_library_offers_versions_and_symbols()
    {
        ElfLibrary library = ElfLibrary.Read(CppRuntime);
        Assert.Contains("GLIBCXX_3.4", library.Versions);
        // operator new(unsigned long)
        Assert.Contains(library.Symbols, s => s.Name == "_Znwm" && s.IsDefined);
        Assert.Contains(ElfLibrary.Read(Runtime).Symbols, s => s.Name == "dlopen" && !s.IsDefined && s.VersionIndex > 1);
    }

    [LinuxOnlyFact]
    public void A_version_that_nobody_offers_is_missing_until_it_is_weak()
    {
        byte[] bytes = File.ReadAllBytes(Runtime);
        ElfVersionNeed need = ElfLibrary.Read(Runtime).Needs.First(n => n.Library == "libstdc++.so.6");
        string copy = Write(Replaced(bytes, need.Version, need.Version[..^1] + "~"));
        Assert.Equal([need.Version[..^1] + "~"], LibTorchCheck.Missing(ElfLibrary.Read(copy), LoadedLibraries.Files()).Select(n => n.Version).Distinct());
        byte[] weak = File.ReadAllBytes(copy);
        foreach (ElfVersionNeed missing in LibTorchCheck.Missing(ElfLibrary.Read(copy), LoadedLibraries.Files()))
            weak[missing.FlagsOffset] |= ElfVersionNeed.WeakFlag;
        Assert.Empty(LibTorchCheck.Missing(ElfLibrary.Read(Write(weak)), LoadedLibraries.Files()));
    }

    [LinuxOnlyFact]
    public void Damage_is_an_error_that_was_foreseen()
    {
        byte[] whole = File.ReadAllBytes(CppRuntime);
        long table = BitConverter.ToInt64(whole, 40);
        Random random = new(1);
        for (int i = 0; i < 200; i++)
        {
            byte[] bytes = i % 4 == 0 ? whole[..random.Next(whole.Length)] : (byte[])whole.Clone();
            // Where the damage matters: the header and the table of sections.
            if (i % 4 == 1)
                bytes[random.Next(64)] ^= (byte)(1 << random.Next(8));
            if (i % 4 > 1)
                bytes[(int)random.NextInt64(table, whole.Length)] ^= (byte)(1 << random.Next(8));
            string file = Write(bytes);
            Exception? thrown = Record.Exception(() => ElfLibrary.Read(file));
            Assert.True(thrown is null or InvalidDataException, thrown?.ToString());
        }
    }

    [Fact]
    public void What_is_no_library_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => ElfLibrary.Read(Write([.. Enumerable.Repeat((byte)7, 100)])));
        Assert.Throws<InvalidDataException>(() => ElfLibrary.Read(Write([])));
    }

    private static byte[] Replaced(byte[] bytes, string old, string with)
    {
        byte[] from = System.Text.Encoding.ASCII.GetBytes(old + "\0"), to = System.Text.Encoding.ASCII.GetBytes(with + "\0");
        for (int at = bytes.AsSpan().IndexOf(from); at >= 0; at = bytes.AsSpan().IndexOf(from))
            to.CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    private string Write(byte[] bytes)
    {
        string file = _folder["library.so"];
        File.WriteAllBytes(file, bytes);
        return file;
    }
}
