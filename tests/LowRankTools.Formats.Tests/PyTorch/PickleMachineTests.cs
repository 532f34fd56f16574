using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>Damaged and hostile opcodes: one named error, no hang, no flood of memory.</summary>
public sealed class PickleMachineTests
{
    private const long AllowedAllocation = 64L * 1024 * 1024;

    private static byte[] Pickle(params byte[] opcodes)
    {
        ZipBuilder zip = new();
        zip.Add("net/data.pkl", opcodes);
        zip.Add("net/data/0", T.Floats(2));
        return zip.ToArray();
    }

    private static byte[] Repeat(byte opcode, int times) => [.. Enumerable.Repeat(opcode, times)];

    public static TheoryData<string, byte[]> Damaged => new()
    {
        { "not a pickle", [1, 2, 3] },
        { "protocol 1", [0x80, 1, (byte)'N', (byte)'.'] },
        { "protocol 6", [0x80, 6, (byte)'N', (byte)'.'] },
        { "nothing to stop with", [0x80, 2, (byte)'.'] },
        { "pop of nothing", [0x80, 2, (byte)'0', (byte)'.'] },
        { "dup of nothing", [0x80, 2, (byte)'2', (byte)'.'] },
        { "tuple without mark", [0x80, 2, (byte)'t', (byte)'.'] },
        { "values below the mark", [0x80, 2, (byte)'N', (byte)'N', (byte)'(', 0x86, (byte)'.'] },
        { "unknown opcode", [0x80, 2, 0xEE, (byte)'.'] },
        { "text opcode of protocol 0", [0x80, 2, (byte)'I', (byte)'1', (byte)'\n', (byte)'.'] },
        { "get of what is not there", [0x80, 2, (byte)'h', 7, (byte)'.'] },
        { "put far away", [0x80, 2, (byte)'N', (byte)'r', 255, 255, 255, 255, (byte)'.'] },
        { "append to none", [0x80, 2, (byte)'N', (byte)'N', (byte)'a', (byte)'.'] },
        { "set item of none", [0x80, 2, (byte)'N', (byte)'N', (byte)'N', (byte)'s', (byte)'.'] },
        { "key without value", [0x80, 2, (byte)'}', (byte)'(', (byte)'N', (byte)'u', (byte)'.'] },
        { "call with no tuple", [0x80, 2, .. P.Encode(new P.Global("a", "b")), (byte)'N', (byte)'R', (byte)'.'] },
        { "unnamed import", [0x80, 4, (byte)'N', (byte)'N', 0x93, (byte)'.'] },
        { "endless name", [0x80, 2, (byte)'c', .. Repeat((byte)'a', 100_000)] },
        { "persistent id is text", P.Dump(new P.Persistent("x")) },
        { "persistent id of another kind", P.Dump(new P.Persistent(P.Tuple("thing", new P.Global("a", "b"), "0", "cpu", 1))) },
        { "storage of negative length", P.Dump(T.Storage("FloatStorage", "0", -1)) },
        { "storage of overflowing length", P.Dump(T.Storage("FloatStorage", "0", long.MaxValue)) },
        { "storage in two ways", P.Dump(P.Tuple(T.Storage("FloatStorage", "0", 2), T.Storage("LongStorage", "0", 2))) },
        { "tensor without storage", P.Dump(T.View(null, 0, [2], [1])) },
        { "more sizes than strides", P.Dump(T.View(T.Storage("FloatStorage", "0", 2), 0, [1, 2], [1])) },
        { "negative stride", P.Dump(T.View(T.Storage("FloatStorage", "0", 2), 1, [2], [-1])) },
        { "negative offset", P.Dump(T.View(T.Storage("FloatStorage", "0", 2), -1, [2], [1])) },
        { "size is text", P.Dump(new P.Call(T.RebuildTensor, P.Tuple(T.Storage("FloatStorage", "0", 2), 0, P.Tuple("2"), P.Tuple(1), false, null))) },
        { "size is huge", P.Dump(new P.Call(T.RebuildTensor, P.Tuple(T.Storage("FloatStorage", "0", 2), 0, P.Tuple(new P.Raw([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1])), P.Tuple(1), false, null))) },
        { "dict of no pairs", P.Dump(new P.Call(new P.Global("collections", "OrderedDict"), P.Tuple(new List<object?> { 1 }))) },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Damage_is_named(string what, byte[] opcodes)
    {
        Assert.NotEmpty(what);
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(Pickle(opcodes)));
    }

    public static TheoryData<string, byte[]> Lengths => new()
    {
        { "text", [0x80, 2, (byte)'X', 255, 255, 255, 127] },
        { "long text", [0x80, 4, 0x8D, 255, 255, 255, 255, 255, 255, 255, 255] },
        { "bytes", [0x80, 4, 0x8E, 255, 255, 255, 255, 255, 255, 255, 127] },
        { "bytearray", [0x80, 5, 0x96, 0, 0, 0, 0, 0, 0, 0, 64] },
        { "integer", [0x80, 2, 0x8B, 255, 255, 255, 127] },
        { "short text", [0x80, 4, 0x8C, 200, 65] },
        { "nothing", [] },
        { "only the protocol", [0x80, 2] },
    };

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Lengths_beyond_the_end_allocate_nothing(string what, byte[] opcodes)
    {
        Assert.NotEmpty(what);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(FormatErrors.HeaderTruncated, Opened.ErrorOf(Pickle(opcodes)));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024 * 1024);
    }

    [Fact]
    public void Many_nested_lists_are_no_recursion()
    {
        byte[] nested = [0x80, 2, .. Repeat((byte)']', 200_000), .. Repeat((byte)'a', 199_999), (byte)'.'];
        Assert.Equal(FormatErrors.NoTensors, Opened.ErrorOf(Pickle(nested)));
    }

    [Fact]
    public void Tensors_below_many_lists_are_refused()
    {
        byte[] nested = [0x80, 2, .. Repeat((byte)']', 200_000), .. P.Encode(T.Tensor("0", 2)), .. Repeat((byte)'a', 200_000), (byte)'.'];
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(Pickle(nested)));
    }

    /// <summary>Every level holds the one below twice: 2^60 paths from 300 bytes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_memo_bomb_does_not_explode(bool withTensor)
    {
        List<byte> opcodes = [0x80, 4, .. withTensor ? P.Encode(T.Tensor("0", 2)) : [(byte)']']];
        for (int i = 0; i < 60; i++)
            opcodes.AddRange([(byte)'2', 0x86]);
        opcodes.Add((byte)'.');
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(withTensor ? FormatErrors.PickleInvalid : FormatErrors.NoTensors, Opened.ErrorOf(Pickle([.. opcodes])));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 * AllowedAllocation);
    }

    [Fact]
    public void A_list_that_holds_itself_ends()
    {
        byte[] opcodes = [0x80, 4, (byte)']', 0x94, .. P.Encode(T.Tensor("0", 2)), (byte)'a', (byte)'h', 0, (byte)'a', (byte)'.'];
        using Opened opened = new(Pickle(opcodes));
        Assert.Equal(["0"], opened.Names);
    }

    [Fact]
    public void Endless_operations_are_stopped()
    {
        byte[] opcodes = new byte[50_000_002];
        (opcodes[0], opcodes[1]) = (0x80, 2);
        for (int i = 2; i < opcodes.Length; i += 2)
            (opcodes[i], opcodes[i + 1]) = ((byte)'N', (byte)'0');
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(Pickle(opcodes)));
    }

    [Fact]
    public void Keys_that_would_collide_take_no_longer()
    {
        // Numbers whose halves are equal share one hash code in .NET: 300,000 of them would be 45 thousand million steps.
        (object Key, object? Value)[] items = [.. Enumerable.Range(1, 300_000).Select(i => ((object)(((long)i << 32) | (uint)i), (object?)null))];
        Assert.Equal(FormatErrors.NoTensors, Opened.ErrorOf(Pickle(P.Dump(P.Dict(items)))));
    }

    [Fact]
    public void Overlong_names_of_tensors_are_refused()
    {
        string key = new('k', 5000);
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(T.Archive(P.Dict((key, T.Tensor("0", 2))), T.Floats(2))));
    }

    [Fact]
    public void Large_byte_strings_are_stepped_over()
    {
        byte[] blob = new byte[30_000_000];
        byte[] pickle = P.Dump(P.Dict(("blob", new P.Raw([(byte)'B', .. P.LittleEndian((ulong)blob.Length, 4), .. blob])), ("w", T.Tensor("0", 2))), protocol: 3);
        byte[] archive = Pickle(pickle);
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, archive);
            long before = GC.GetAllocatedBytesForCurrentThread();
            using TensorFile file = TensorFiles.Open(path);
            Assert.Equal("w", Assert.Single(file.Tensors).Name);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024 * 1024);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(new long[] { 1L << 40, 1L << 40 })]
    [InlineData(new long[] { -1 })]
    public void Impossible_shapes_are_named(long[] sizes) =>
        Assert.Equal(FormatErrors.ShapeOverflow,
            Opened.ErrorOf(T.Archive(P.Dict(("w", T.View(T.Storage("FloatStorage", "0", 2), 0, sizes, new long[sizes.Length]))), T.Floats(2))));

    [Fact]
    public void Strides_that_overflow_are_named() =>
        Assert.Equal(FormatErrors.ShapeOverflow,
            Opened.ErrorOf(T.Archive(P.Dict(("w", T.View(T.Storage("FloatStorage", "0", 2), 0, [3, 3], [long.MaxValue / 2, 1]))), T.Floats(2))));

    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(1, 2, 1)]
    [InlineData(0, 2, 2)]
    [InlineData(long.MaxValue - 5, 2, 1)]
    public void Views_that_reach_beyond_their_storage_are_named(long offset, long size, long stride) =>
        Assert.Equal(FormatErrors.TensorTruncated,
            Opened.ErrorOf(T.Archive(P.Dict(("w", T.View(T.Storage("FloatStorage", "0", 2), offset, [size], [stride]))), T.Floats(2))));

    [Fact]
    public void A_storage_shorter_than_promised_is_named() =>
        Assert.Equal(FormatErrors.TensorTruncated,
            Opened.ErrorOf(T.Archive(P.Dict(("w", T.View(T.Storage("FloatStorage", "0", 4), 0, [2], [1]))), T.Floats(3))));

    [Theory]
    [InlineData("QUInt4x2Storage")]
    [InlineData("QUInt2x4Storage")]
    [InlineData("ComplexHalfStorage")]
    [InlineData("NoSuchStorage")]
    public void Unknown_element_types_are_named(string storage) =>
        Assert.Equal(FormatErrors.DTypeUnsupported,
            Opened.ErrorOf(T.Archive(P.Dict(("w", T.View(T.Storage(storage, "0", 2), 0, [2], [1]))), T.Floats(2))));
}
