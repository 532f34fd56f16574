using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Tests.PyTorch;

public sealed class ZipDirectoryTests
{
    private static readonly byte[] s_floats = T.Floats(6);

    private static ZipBuilder Valid() => T.Zip(P.Ordered(("w", T.Tensor("0", 2, 3))), s_floats);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Small_and_64_bit_archives_read_alike(bool wide)
    {
        using Opened opened = new(Valid().ToArray(wide));
        Assert.Equal(s_floats, opened.Bytes("w"));
        Assert.IsType<FileRegion>(opened["w"].Source);
    }

    [Fact]
    public void A_compressed_record_that_is_needed_is_named()
    {
        ZipBuilder zip = Valid();
        zip["net/data/0"].Method = 8;
        Assert.Equal(FormatErrors.ArchiveCompressed, Opened.ErrorOf(zip.ToArray()));
    }

    [Fact]
    public void A_zip_bomb_is_not_unpacked()
    {
        ZipBuilder zip = Valid();
        ZipBuilder.Record pickle = zip["net/data.pkl"];
        (pickle.Method, pickle.Size, pickle.PackedSize) = (8, 0xFFFF_FFF0, (uint)pickle.Data.Length);
        Assert.Equal(FormatErrors.ArchiveCompressed, Opened.ErrorOf(zip.ToArray()));
    }

    [Fact]
    public void A_compressed_record_that_nobody_needs_does_no_harm()
    {
        ZipBuilder zip = Valid();
        ZipBuilder.Record code = zip.Add("net/code/__torch__.py", [1, 2, 3]);
        (code.Method, code.Size, code.PackedSize) = (8, 1_000_000, 3);
        using Opened opened = new(zip.ToArray());
        Assert.Equal(["w"], opened.Names);
    }

    public static TheoryData<string> Lies => new(s_lies.Keys.Order());

    private static readonly Dictionary<string, Action<ZipBuilder>> s_lies = new()
    {
        ["encrypted"] = z => z["net/data/0"].Flags = 1,
        ["longer than the file"] = z => z["net/data/0"].Size = 1_000_000,
        ["longer than its place"] = z => z["net/data/0"].Size = (uint)s_floats.Length + 1,
        ["packed and plain lengths differ"] = z => z["net/data/0"].PackedSize = 3,
        ["64-bit length without the field"] = z => z["net/data/0"].Size = uint.MaxValue,
        ["64-bit field cut off"] = z => (z["net/data/0"].Size, z["net/data/0"].Extra) = (uint.MaxValue, [1, 0, 8, 0, 1]),
        ["64-bit length is negative"] = z => (z["net/data/0"].Size, z["net/data/0"].Extra) = (uint.MaxValue, [1, 0, 16, 0, .. Enumerable.Repeat((byte)255, 16)]),
        ["offset outside"] = z => z["net/data/0"].Offset = 0x7FFF_FFFF,
        ["offset of another record"] = z => z["net/data/0"].Offset = 0,
        ["local name differs"] = z => z["net/data/0"].LocalName = "net/data/1",
        ["duplicate name"] = z => z.Add("net/data/0", s_floats),
        ["two models"] = z => z.Add("other/data.pkl", P.Dump(null)),
        ["too many promised"] = z => z.Count = 100,
        ["one too many promised"] = z => z.Count = 4,
        ["directory outside"] = z => z.DirectoryOffset = 0x7FFF_FFFF,
        ["directory elsewhere"] = z => z.DirectoryOffset = 1,
        ["directory too long"] = z => z.DirectoryBytes = 0x7FFF_FFFF,
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Every_lie_is_an_invalid_archive(string lie)
    {
        ZipBuilder zip = Valid();
        s_lies[lie](zip);
        Assert.Equal(FormatErrors.ArchiveInvalid, Opened.ErrorOf(zip.ToArray()));
    }

    [Fact]
    public void A_storage_that_is_missing_is_truncation()
    {
        ZipBuilder zip = new();
        zip.Add("net/data.pkl", P.Dump(P.Ordered(("w", T.Tensor("0", 2, 3)))));
        Assert.Equal(FormatErrors.TensorTruncated, Opened.ErrorOf(zip.ToArray()));
    }

    [Fact]
    public void A_zip_of_something_else_is_no_model()
    {
        ZipBuilder zip = new();
        zip.Add("word/document.xml", [1, 2, 3]);
        Assert.Equal(FormatErrors.UnknownFormat, Opened.ErrorOf(zip.ToArray()));
    }

    [Fact]
    public void The_first_TorchScript_archives_are_named()
    {
        ZipBuilder zip = new();
        zip.Add("net/model.json", [1, 2, 3]);
        Assert.Equal(FormatErrors.VersionUnsupported, Opened.ErrorOf(zip.ToArray()));
    }

    [Fact]
    public void The_archive_may_lie_in_no_folder()
    {
        ZipBuilder zip = new();
        zip.Add("data.pkl", P.Dump(P.Ordered(("w", T.Tensor("0", 2, 3)))));
        zip.Add("data/0", s_floats);
        using Opened opened = new(zip.ToArray());
        Assert.Equal(s_floats, opened.Bytes("w"));
    }

    [Fact]
    public void An_unknown_byte_order_is_refused()
    {
        ZipBuilder zip = Valid();
        zip.Add("net/byteorder", "middle"u8.ToArray());
        Assert.Equal(FormatErrors.HeaderInvalid, Opened.ErrorOf(zip.ToArray()));
    }
}
