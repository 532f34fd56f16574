using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.PyTorch;

public sealed class TorchLegacyTests
{
    private static P.Call View(object?[]? view, long offset, long size) =>
        T.View(T.LegacyStorage("FloatStorage", "77", 6, view), offset, [size], [1]);

    [Fact]
    public void Storages_follow_in_the_order_of_the_keys()
    {
        byte[] a = T.Floats(6);
        byte[] b = [1, 2, 3, 4, 5, 6, 7, 8];
        byte[] file = T.Legacy(P.Ordered(
            ("first", T.View(T.LegacyStorage("FloatStorage", "9", 6), 0, [2, 3], [3, 1])),
            ("second", T.View(T.LegacyStorage("ShortStorage", "10", 4), 1, [3], [1]))), ("10", 2, b), ("9", 4, a));
        using Opened opened = new(file);
        Assert.Equal(["first", "second"], opened.Names);
        Assert.Equal(a, opened.Bytes("first"));
        Assert.Equal(b[2..], opened.Bytes("second"));
        Assert.IsType<FileRegion>(opened["first"].Source);
    }

    /// <summary>Before version 0.4 tensors were views of views: (key of the view, first element, elements).</summary>
    [Fact]
    public void Views_of_storages_count_from_their_start()
    {
        using Opened opened = new(T.Legacy(P.Ordered(("w", View(P.Tuple("78", 2, 3), 1, 2)), ("all", View(null, 0, 6))), ("77", 4, T.Floats(6))));
        Assert.Equal([3.5f, 4.5f], opened.Values("w"));
        Assert.Equal(new StorageSpan("77", 3, 5), opened["w"].Storage);
        Assert.Equal(opened["all"].Storage!.Value.Key, opened["w"].Storage!.Value.Key);
    }

    [Fact]
    public void Views_that_leave_their_storage_are_named()
    {
        Assert.Equal(FormatErrors.TensorTruncated, Opened.ErrorOf(T.Legacy(P.Ordered(("w", View(P.Tuple("78", 2, 3), 1, 3))), ("77", 4, T.Floats(6)))));
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(T.Legacy(P.Ordered(("w", View(P.Tuple("78", 4, 3), 0, 1))), ("77", 4, T.Floats(6)))));
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(T.Legacy(P.Ordered(("w", View(P.Tuple("78", -1, 3), 0, 1))), ("77", 4, T.Floats(6)))));
    }

    [Fact]
    public void A_class_in_a_persistent_id_is_a_name()
    {
        P.Persistent module = new(P.Tuple("module", new P.Global("lab.models", "Net"), "net.py", "class Net: ..."));
        P.Build net = new(new P.New(module, P.Tuple()), P.Dict(
            ("_parameters", P.Ordered(("w", View(null, 0, 6)))), ("_buffers", P.Ordered()), ("_modules", P.Ordered())));
        using Opened opened = new(T.Legacy(net, ("77", 4, T.Floats(6))));
        Assert.Equal(["w"], opened.Names);
    }

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "another pickle", P.Dump(P.Dict(("a", 1))), FormatErrors.UnknownFormat },
        { "another number", P.Dump(12345), FormatErrors.UnknownFormat },
        { "empty", [], FormatErrors.HeaderTruncated },
        { "storage absent", T.Legacy(P.Ordered(("w", View(null, 0, 6)))), FormatErrors.TensorTruncated },
        { "unused key", T.Legacy(P.Ordered(("w", View(null, 0, 6))), ("5", 4, T.Floats(1)), ("77", 4, T.Floats(6))), FormatErrors.PickleInvalid },
        { "key twice", T.Legacy(P.Ordered(("w", View(null, 0, 6))), ("77", 4, T.Floats(6)), ("77", 4, T.Floats(6))), FormatErrors.PickleInvalid },
        { "storage cut off", T.Legacy(P.Ordered(("w", View(null, 0, 6))), ("77", 4, T.Floats(6)))[..^1], FormatErrors.TensorTruncated },
        { "storage shorter than promised", T.Legacy(P.Ordered(("w", View(null, 0, 6))), ("77", 4, T.Floats(5))), FormatErrors.TensorTruncated },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Damage_is_named(string what, byte[] file, string id)
    {
        Assert.NotEmpty(what);
        Assert.Equal(id, Opened.ErrorOf(file));
    }

    [Fact]
    public void Negative_and_huge_counts_are_named()
    {
        byte[] file = T.Legacy(P.Ordered(("w", View(null, 0, 6))), ("77", 4, T.Floats(6)));
        foreach (ulong count in (ulong[])[ulong.MaxValue, long.MaxValue, 1UL << 62, 7])
        {
            P.LittleEndian(count, 8).CopyTo(file, file.Length - 32);
            Assert.Equal(FormatErrors.TensorTruncated, Opened.ErrorOf(file));
        }
    }

    [Fact]
    public void Another_protocol_and_the_tar_archive_are_versions()
    {
        byte[] file = T.Legacy(P.Ordered());
        byte[] other = [.. file[..15], .. P.Dump(1002), .. file[15..]];
        Assert.Equal(FormatErrors.VersionUnsupported, Opened.ErrorOf(other));
        byte[] tar = new byte[2048];
        "storages"u8.CopyTo(tar);
        "ustar"u8.CopyTo(tar.AsSpan(257));
        Assert.Equal(FormatErrors.VersionUnsupported, Opened.ErrorOf(tar));
    }
}
