using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using LowRankTools.Tests;

namespace LowRankTools.TorchSharp.Tests.Packages;

/// <summary>The sample for TorchSharp developers, built from the packages that this repository packs and nothing else of it, and run.</summary>
public sealed partial class SampleTests : IDisposable
{
    private const string Sample = "ModuleSurgery";

    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-sample-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_builds_from_the_packages_and_does_what_it_says()
    {
        string feed = Path.Combine(_folder, "feed"), packages = Path.Combine(_folder, "packages"), program = Path.Combine(_folder, Sample);
        foreach (string name in new[] { "Numerics", "Decompositions", "Formats", "TorchSharp" })
            Dotnet(Root, "pack", "--no-build", "-c", Configuration, "-o", feed, Path.Combine("src", $"LowRankTools.{name}"));
        Directory.CreateDirectory(program);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Root, "docs", "samples", Sample)))
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        // Packages of a folder of its own: those packed here must not be found again by the next run. The others are where they always are.
        Dotnet(program, "build", "-c", "Release", "-p:WithoutLibTorch=true", $"-p:RestoreAdditionalProjectSources={feed}", $"-p:RestorePackagesPath={packages}", $"-p:RestoreFallbackFolders={OthersPackages()}");
        string output = Path.Combine(program, "bin", "Release", "net10.0");
        // libtorch and TorchSharp's own library as every test here has them.
        foreach (string own in Directory.EnumerateFiles(Path.Combine(output, "runtimes"), "*LibTorchSharp.*", SearchOption.AllDirectories))
            File.Delete(own);
        foreach (string file in Directory.EnumerateFiles(LibTorchCopy.Folder))
            File.CreateSymbolicLink(Path.Combine(output, Path.GetFileName(file)), file);

        string said = Dotnet(program, Path.Combine(output, Sample + ".dll"));
        long dense = Count(said, "dense"), pairs = Count(said, "pairs");
        Assert.Equal((64 * 256) + 256 + (256 * 256) + 256 + (256 * 10) + 10, dense);
        // A pair pays everywhere, at the head too: 8 (256 + 10) is less than 2,560.
        Assert.Equal((8 * (64 + 256)) + 256 + (8 * (256 + 256)) + 256 + (8 * (256 + 10)) + 10, pairs);
        Assert.Contains("loaded: 6 tensors", said, StringComparison.Ordinal);
        double[] accuracies = [.. Accuracy().Matches(said).Select(m => double.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(accuracies[0], accuracies[^1]);
        Assert.True(accuracies[2] > accuracies[1], said);
    }

    private static string Configuration => typeof(SampleTests).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    private static string Root => RootAbove();

    private static string RootAbove([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    /// <summary>The user's packages without ours, which a user who tried the sample has there, older than those packed here and of the same version.</summary>
    private string OthersPackages()
    {
        string others = Directory.CreateDirectory(Path.Combine(_folder, "others")).FullName;
        foreach (string package in Directory.EnumerateDirectories(GlobalPackages()).Where(p => !Path.GetFileName(p).StartsWith("lowranktools.", StringComparison.OrdinalIgnoreCase)))
            Directory.CreateSymbolicLink(Path.Combine(others, Path.GetFileName(package)), package);
        return others;
    }

    private static string GlobalPackages() => Dotnet(Root, "nuget", "locals", "global-packages", "--list", "--force-english-output").Split("global-packages:")[1].Trim();

    private static long Count(string said, string what) =>
        long.Parse(Regex.Match(said, what + @": ([\d,]+) parameters").Groups[1].Value, System.Globalization.NumberStyles.AllowThousands, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"accuracy ([\d.]+)")]
    private static partial Regex Accuracy();

    private static string Dotnet(string folder, params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}\n{output}\n{error.Result}");
        return output;
    }
}
