using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.LibTorch;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Engines;

/// <summary>What lies under the name of an installed engine is whole, or nothing does.</summary>
public sealed class EngineStoreTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private EngineStore Store => new(_folder["engines"]);

    private static EngineLibrary Library => new LibTorchLibrary(EnginePlugin.TorchSharp);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_new_one_takes_the_place_of_the_old_one_and_leaves_nothing_else()
    {
        Install("first");
        Install("second");
        Assert.Equal("second", Store.Record()!.Package);
        Assert.Equal(["libtorch"], Directory.EnumerateFileSystemEntries(Store.Root).Select(Path.GetFileName));
        Assert.Equal(["engine.json", "second"], Directory.EnumerateFiles(Store.LibraryPath).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void One_that_fails_leaves_the_old_one()
    {
        Install("first");
        Assert.Throws<IOException>(() => Store.Replace((_, made) =>
        {
            File.WriteAllText(Path.Combine(made, "half"), "");
            throw new IOException("the network is gone");
        }));
        Assert.Equal("first", Store.Record()!.Package);
        Assert.Equal(["libtorch"], Directory.EnumerateFileSystemEntries(Store.Root).Select(Path.GetFileName));
    }

    [Fact]
    public void What_a_killed_installation_left_is_removed_by_a_later_one()
    {
        string left = Directory.CreateDirectory(Path.Combine(Store.Root, ".installing-1")).FullName;
        Directory.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddDays(-2));
        string running = Directory.CreateDirectory(Path.Combine(Store.Root, ".installing-2")).FullName;
        Install("first");
        Assert.False(Directory.Exists(left));
        Assert.True(Directory.Exists(running));
    }

    [Fact]
    public void A_damaged_record_is_none()
    {
        Install("first");
        File.WriteAllText(Path.Combine(Store.LibraryPath, EngineStore.RecordFile), "{ \"Version\": ");
        Assert.Null(Store.Record());
        Assert.Null(Store.Location());
        Assert.Equal(Store.LibraryPath, new UninstallEngine(Library, Store).Run().Path);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Store.Root));
    }

    [Fact]
    public void What_is_not_installed_cannot_be_removed() =>
        Assert.Equal(CoreErrors.EngineNotInstalled, Assert.Throws<LowRankToolsException>(() => new UninstallEngine(Library, Store).Run()).ErrorId);

    private void Install(string package) => Store.Replace((_, made) =>
    {
        File.WriteAllText(Path.Combine(made, package), "");
        return new EngineRecord(LibTorchNames.Version, "cpu", package, null, []);
    });
}
