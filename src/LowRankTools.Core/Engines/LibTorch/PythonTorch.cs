namespace LowRankTools.Core.Engines.LibTorch;

/// <summary>PyTorch as the active Python has it installed, found without starting Python.</summary>
internal static class PythonTorch
{
    /// <summary>Folders of libtorch: of the active environment, of the Python on the path, of the user.</summary>
    public static IEnumerable<LibTorchFolder> Folders() =>
        Roots().Where(Directory.Exists).Distinct().SelectMany(Packages).Select(p => LibTorchFolder.At(p, "PyTorch")).OfType<LibTorchFolder>();

    private static IEnumerable<string> Roots()
    {
        foreach (string variable in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } environment)
                yield return environment;
        }
        if (Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home)
            yield return Path.Combine(home, ".local");
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            if (OperatingSystem.IsWindows() && File.Exists(Path.Combine(folder, "python.exe")))
                yield return folder;
            else if (!OperatingSystem.IsWindows() && File.Exists(Path.Combine(folder, "python3")) && Path.GetDirectoryName(folder) is { } prefix)
                yield return prefix;
        }
    }

    private static IEnumerable<string> Packages(string root)
    {
        if (OperatingSystem.IsWindows())
            return [Path.Combine(root, "Lib", "site-packages")];
        string library = Path.Combine(root, "lib");
        return Directory.Exists(library)
            ? Directory.EnumerateDirectories(library, "python3*").SelectMany(p => (string[])[Path.Combine(p, "site-packages"), Path.Combine(p, "dist-packages")])
            : [];
    }
}
