using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;

// Copies TorchSharp's library beside libtorch. Where this system's C++ library is older than the one it was built with, what it asks
// for and this system lacks is marked weak in the copy: the loader then goes on, and no test calls it. Users get an error instead.
string source = args[0], target = Path.Combine(args[1], Path.GetFileName(source));
if (File.Exists(target) && File.GetLastWriteTimeUtc(target) == File.GetLastWriteTimeUtc(source))
    return;
byte[] bytes = File.ReadAllBytes(source);
if (OperatingSystem.IsLinux())
{
    ElfLibrary library = ElfLibrary.Read(source);
    foreach (ElfVersionNeed need in LibTorchCheck.Missing(library, LoadedLibraries.Files()))
    {
        bytes[need.FlagsOffset] |= ElfVersionNeed.WeakFlag;
        foreach (ElfSymbol symbol in library.Symbols.Where(s => !s.IsDefined && s.VersionIndex == need.Index))
            bytes[symbol.InfoOffset] = symbol.WeakInfo;
        Console.WriteLine($"{Path.GetFileName(target)}: {need.Version} of {need.Library} is not needed in this copy.");
    }
}
// The package's file may be linked to from anywhere: it is never written to.
string temporary = target + ".tmp";
File.WriteAllBytes(temporary, bytes);
File.SetLastWriteTimeUtc(temporary, File.GetLastWriteTimeUtc(source));
File.Move(temporary, target, overwrite: true);
