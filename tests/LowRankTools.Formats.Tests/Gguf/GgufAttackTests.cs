using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Fuzz;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>Headers that lie. Each is one named error, whatever else the file holds.</summary>
public sealed class GgufAttackTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(4u)]
    [InlineData(0x0300_0000u)]
    public void Other_versions_and_big_endian_files(uint version) =>
        Refuses(FormatErrors.VersionUnsupported, new GgufBuilder { Version = version });

    [Fact]
    public void Counts_that_the_file_cannot_hold()
    {
        Refuses(FormatErrors.HeaderTruncated, new GgufBuilder { TensorCount = ulong.MaxValue });
        Refuses(FormatErrors.HeaderTruncated, new GgufBuilder { KeyValueCount = 1UL << 40 });
        Refuses(FormatErrors.HeaderTruncated, new GgufBuilder().KeyValue("k", 8, BitConverter.GetBytes(ulong.MaxValue)));
        Refuses(FormatErrors.HeaderTruncated, new GgufBuilder().KeyValue("k", 9, GgufBuilder.Array(12, ulong.MaxValue / 8 + 1, new byte[64])));
        Refuses(FormatErrors.HeaderTruncated, new GgufBuilder().KeyValue("k", 9, GgufBuilder.Array(8, 2, GgufBuilder.Text("one"), new byte[4])));
    }

    [Fact]
    public void More_entries_than_is_sane() =>
        Refuses(FormatErrors.HeaderTooLarge, new GgufBuilder { TensorCount = (1 << 20) + 1 }.KeyValue("pad", new string('x', 27 * (1 << 20))));

    [Fact]
    public void Text_longer_than_is_sane() =>
        Refuses(FormatErrors.HeaderTooLarge, new GgufBuilder().KeyValue("k", new string('x', (1 << 24) + 1)));

    [Fact]
    public void Names_longer_than_is_sane() =>
        Refuses(FormatErrors.HeaderTooLarge, new GgufBuilder().KeyValue(new string('k', 70_000), "v"));

    [Fact]
    public void Arrays_nested_without_end()
    {
        byte[] deep = GgufBuilder.Array(0, 0);
        for (int i = 0; i < 200; i++)
            deep = GgufBuilder.Array(9, 1, deep);
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("k", 9, deep));
    }

    [Fact]
    public void Values_that_are_no_values()
    {
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("k", 13, new byte[8]));
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("k", 7, [2]).KeyValue("after", 1));
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("k", 1).KeyValue("k", 2));
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("", "an empty key"));
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("k", 9, GgufBuilder.Array(99, 1, new byte[64])));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(uint.MaxValue)]
    public void Alignment_that_is_no_power_of_two(uint alignment) =>
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("general.alignment", alignment));

    [Fact]
    public void Alignment_of_another_type() =>
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().KeyValue("general.alignment", "32"));

    [Fact]
    public void Names_that_cannot_be_told_apart()
    {
        Refuses(FormatErrors.DuplicateTensor, new GgufBuilder().Tensor("t", [1], 0, new byte[4]).Tensor("t", [1], 0, new byte[4]));
        byte[] damaged = new GgufBuilder().Tensor("@@", [1], 0, new byte[4]).Build();
        damaged.AsSpan()[damaged.AsSpan().IndexOf("@@"u8)..].Slice(0, 2).Fill(0xFF);
        Refuses(FormatErrors.HeaderInvalid, damaged);
    }

    [Fact]
    public void Offsets_that_lie()
    {
        Refuses(FormatErrors.TensorTruncated, new GgufBuilder().Tensor("t", [8], 0, new byte[4]));
        Refuses(FormatErrors.TensorTruncated, new GgufBuilder().Tensor("t", [1], 0, new byte[4], 1UL << 40));
        Refuses(FormatErrors.TensorTruncated, new GgufBuilder().Tensor("t", [1], 0, new byte[4], long.MaxValue - 31));
        Refuses(FormatErrors.TensorTruncated, new GgufBuilder().Tensor("t", [1], 0, new byte[4], ulong.MaxValue - 31));
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().Tensor("t", [1], 0, new byte[64], 4));
        Refuses(FormatErrors.TensorOverlap, new GgufBuilder().Tensor("a", [16], 0, new byte[64]).Tensor("b", [8], 0, new byte[32], 32));
        Refuses(FormatErrors.TensorOverlap, new GgufBuilder().Tensor("a", [8], 0, new byte[32]).Tensor("b", [8], 0, new byte[32], 0));
    }

    [Theory]
    [InlineData(FormatErrors.ShapeOverflow, 1UL << 32, 1UL << 32)]
    [InlineData(FormatErrors.ShapeOverflow, ulong.MaxValue, 1UL)]
    [InlineData(FormatErrors.ShapeOverflow, 1UL << 63, 2UL)]
    [InlineData(FormatErrors.ShapeOverflow, ulong.MaxValue, 0UL)]
    [InlineData(FormatErrors.TensorTruncated, 1UL << 59, 1UL)]
    public void Shapes_that_overflow(string id, ulong columns, ulong rows) =>
        Refuses(id, new GgufBuilder().Tensor("t", [columns, rows], 0, new byte[4]));

    [Fact]
    public void Too_many_dimensions() =>
        Refuses(FormatErrors.HeaderInvalid, new GgufBuilder().Tensor("t", [1, 1, 1, 1, 1, 1, 1, 1, 1], 0, new byte[4]));

    [Theory]
    [InlineData(8u, 16UL)]
    [InlineData(12u, 128UL)]
    [InlineData(8u, 33UL)]
    public void Rows_that_blocks_do_not_fill(uint type, ulong columns) =>
        Refuses(FormatErrors.TensorSizeMismatch, new GgufBuilder().Tensor("t", [columns, 2], type, new byte[512]));

    [Theory]
    [InlineData(4u)]
    [InlineData(5u)]
    [InlineData(31u)]
    [InlineData(33u)]
    [InlineData(36u)]
    [InlineData(38u)]
    [InlineData(43u)]
    [InlineData(uint.MaxValue)]
    public void Types_that_were_given_up_or_never_were(uint type) =>
        Refuses(FormatErrors.DTypeUnsupported, new GgufBuilder().Tensor("t", [256], type, new byte[512]));

    [Fact]
    public void Truncated_at_every_byte()
    {
        byte[] valid = Model();
        Assert.Equal(valid.Length, FuzzRun.ReadAll(Mutator.Truncations(valid), "model.gguf"));
    }

    [Fact]
    public void Twelve_thousand_mutations()
    {
        byte[] valid = Model();
        Mutator mutator = new(seed: 41);
        int refused = FuzzRun.ReadAll(Enumerable.Range(0, 12_000).Select(_ => mutator.Mutate(valid)), "model.gguf");
        Assert.InRange(refused, 4_000, 12_000);
    }

    /// <summary>Every part of the format in a small file that ends with its last tensor's last byte.</summary>
    private static byte[] Model() => new GgufBuilder()
        .KeyValue("general.architecture", "llama").KeyValue("general.alignment", 32)
        .KeyValue("tokens", 9, GgufBuilder.Array(8, 2, GgufBuilder.Text("a"), GgufBuilder.Text("bc")))
        .KeyValue("nested", 9, GgufBuilder.Array(9, 1, GgufBuilder.Array(3, 2, new byte[4])))
        .KeyValue("rate", 12, BitConverter.GetBytes(0.5))
        .Tensor("token_embd.weight", [32, 3], 8, new byte[102])
        .Tensor("blk.0.attn_q.weight", [256], 12, new byte[144])
        .Tensor("blk.0.attn_norm.weight", [4], 0, new byte[16]).Build();

    private void Refuses(string id, GgufBuilder builder) => Refuses(id, builder.Build());

    private void Refuses(string id, byte[] bytes)
    {
        string path = _folder.Write("attack.gguf", bytes);
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path).Dispose());
        Assert.Equal(id, e.ErrorId);
        Assert.Equal(path, e.File);
    }
}
