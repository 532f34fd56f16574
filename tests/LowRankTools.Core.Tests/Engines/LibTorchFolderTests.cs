using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Xml.Linq;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;

namespace LowRankTools.Core.Tests.Engines;

/// <summary>Finding libtorch and its version in the places where it comes.</summary>
public sealed class LibTorchFolderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("libtorch/lib", "libtorch", "libtorch/build-version", "2.10.0+cu128\n", "2.10.0")]
    [InlineData("libtorch/lib", "libtorch/lib", "libtorch/build-version", "2.6.0", "2.6.0")]
    [InlineData("site-packages/torch/lib", "site-packages", "site-packages/torch/version.py", "from typing import Optional\n__version__ = '2.10.0+cpu'\ndebug = False\n", "2.10.0")]
    [InlineData("site-packages/torch/lib", "site-packages/torch", "site-packages/torch/version.py", "__all__ = ['__version__']\n", null)]
    [InlineData("bare", "bare", "bare/build-version", "not a version", null)]
    [InlineData("libtorch-cpu-linux-x64/2.10.0/runtimes/linux-x64/native", "libtorch-cpu-linux-x64/2.10.0/runtimes/linux-x64/native", "other", "", "2.10.0")]
    public void The_version_is_where_each_kind_of_folder_has_it(string libraries, string named, string file, string text, string? version)
    {
        Lay(libraries);
        File.WriteAllText(_folder[file], text);
        LibTorchFolder found = LibTorchFolder.At(_folder[named], "test")!;
        Assert.Equal((Path.GetFullPath(_folder[libraries]), version), (found.Path, found.Version));
        Assert.False(found.HasCuda);
        Assert.Equal(LibTorchNames.Required.Select(name => Path.Combine(found.Path, name)), found.Files);
    }

    [Fact]
    public void A_build_for_cuda_is_known_by_its_library()
    {
        Lay("libtorch");
        File.WriteAllText(_folder[$"libtorch/{LibTorchNames.Cuda}"], "");
        LibTorchFolder found = LibTorchFolder.At(_folder["libtorch"], "test")!;
        Assert.True(found.HasCuda);
        Assert.Contains(Path.Combine(found.Path, LibTorchNames.Cuda), found.Files);
    }

    [Fact]
    public void A_folder_that_lacks_a_library_is_none()
    {
        Lay("libtorch");
        File.Delete(_folder[$"libtorch/{LibTorchNames.Required[0]}"]);
        Assert.Null(LibTorchFolder.At(_folder["libtorch"], "test"));
        Assert.Null(LibTorchFolder.At(_folder["nowhere"], "test"));
    }

    [Fact]
    public void Another_version_is_refused_without_a_look_at_its_libraries()
    {
        Lay("libtorch");
        File.WriteAllText(_folder["libtorch/build-version"], "2.6.0");
        EngineProblem problem = LibTorchCheck.Problem(LibTorchFolder.At(_folder["libtorch"], "test")!, _folder["wrapper"])!;
        Assert.Contains("2.6.0", problem.Reason, StringComparison.Ordinal);
        Assert.Null(problem.Cause);
    }

    [Fact]
    public void Files_that_are_no_libraries_are_a_problem_and_no_crash()
    {
        Lay("libtorch");
        EngineProblem problem = LibTorchCheck.Problem(LibTorchFolder.At(_folder["libtorch"], "test")!, _folder[$"libtorch/{LibTorchNames.Required[0]}"])!;
        Assert.NotEmpty(problem.Remedy);
    }

    [Theory]
    [InlineData("linux-musl-x64", Architecture.X64)]
    [InlineData("alpine.3.20-x64", Architecture.X64)]
    [InlineData("linux-arm", Architecture.Arm)]
    public void Systems_without_a_library_of_TorchSharp_are_told_apart(string identifier, Architecture processor)
    {
        string? platform = LibTorchNames.PlatformOf(identifier, processor);
        Assert.True(platform is null || !OperatingSystem.IsLinux());
    }

    [Fact]
    public void The_versions_are_those_that_the_build_pins()
    {
        XDocument pins = XDocument.Load(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "..", "Directory.Packages.props"));
        Assert.Equal(LibTorchNames.TorchSharpVersion, pins.Descendants("TorchSharpVersion").Single().Value);
        Assert.Equal(LibTorchNames.Version, pins.Descendants("LibTorchVersion").Single().Value);
    }

    private static string Here([CallerFilePath] string here = "") => here;

    private void Lay(string folder)
    {
        Directory.CreateDirectory(_folder[folder]);
        foreach (string name in LibTorchNames.Required)
            File.WriteAllText(Path.Combine(_folder[folder], name), "");
    }
}
