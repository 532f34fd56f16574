using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Engines;

/// <summary>Installing, as far as it goes without a package; the console's tests bring one.</summary>
public sealed class InstallEngineTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("cpu", "/somewhere", null)]
    [InlineData(null, "/somewhere", "source")]
    [InlineData("gpu", null, null)]
    [InlineData("cuda:1", null, null)]
    public void Options_that_make_no_sense_are_refused(string? device, string? libTorch, string? source) =>
        AssertError(CoreErrors.OptionInvalid, new InstallEngineOptions { Device = device, LibTorch = libTorch, Sources = source is null ? [] : [source] });

    [Fact]
    public void A_folder_without_libtorch_is_an_error() =>
        AssertError(CoreErrors.LibTorchNotFound, new InstallEngineOptions { LibTorch = _folder["empty"] });

    [Fact]
    public void A_libtorch_of_another_version_is_not_registered()
    {
        Directory.CreateDirectory(_folder["old"]);
        foreach (string name in LibTorchNames.Required.Append(LibTorchFolder.VersionFile))
            File.WriteAllText(_folder[$"old/{name}"], "1.13.1");
        AssertError(CoreErrors.EngineUnavailable, new InstallEngineOptions { LibTorch = _folder["old"] });
        Assert.False(Directory.Exists(_folder["engines"]));
    }

    [Theory]
    [InlineData("cpu", "linux-x64", "libtorch-cpu-linux-x64")]
    [InlineData("cpu", "osx-arm64", "libtorch-cpu-osx-arm64")]
    [InlineData("cuda", "linux-x64", "libtorch-cuda-12.8-linux-x64")]
    [InlineData("cuda", "win-x64", "libtorch-cuda-12.8-win-x64")]
    [InlineData("cuda", "osx-arm64", null)]
    [InlineData("cpu", null, null)]
    public void A_package_is_for_a_device_and_a_system(string device, string? platform, string? package) =>
        Assert.Equal(package, EnginePackage.For(device, platform)?.Id);

    private void AssertError(string id, InstallEngineOptions options)
    {
        EnginePlugin plugin = new("TorchSharp", _folder["torch"], "LowRankTools.TorchSharp");
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => new InstallEngine(options, new EngineStore(_folder["engines"]), new LibTorchLibrary(plugin)).Run()).ErrorId);
    }
}
