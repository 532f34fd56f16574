using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>Views against their definition: element (i, j, ...) lies at offset + i s0 + j s1 + ...</summary>
public sealed class StridedTensorTests
{
    public static TheoryData<long[], long[], long> Views => new()
    {
        { [2, 3], [1, 2], 0 },
        { [5, 4, 3], [1, 5, 20], 7 },
        { [5, 4, 3], [12, 1, 4], 0 },
        { [3, 1, 4], [4, 99, 1], 0 },
        { [6], [5], 1 },
        { [4, 5], [0, 1], 2 },
        { [4, 5], [1, 0], 2 },
        { [3, 4], [0, 0], 9 },
        { [10, 8], [3, 1], 0 },
        { [3, 1200], [1500, 1], 11 },
        { [1200, 3], [1, 1500], 11 },
        { [2, 2, 1100], [5, 2400, 1], 3 },
        { [1], [77], 5 },
        { [], [], 5 },
        { [300, 300], [1, 300], 0 },
    };

    [Theory]
    [MemberData(nameof(Views))]
    public void Any_part_of_any_view_is_right(long[] sizes, long[] strides, long offset)
    {
        long extent = offset + 1 + sizes.Zip(strides, (size, stride) => (size - 1) * stride).Sum();
        foreach (bool bigEndian in (bool[])[false, true])
        {
            foreach ((string type, int width, int unit) in ((string, int, int)[])
                [("ByteStorage", 1, 1), ("HalfStorage", 2, 2), ("FloatStorage", 4, 4), ("DoubleStorage", 8, 8), ("ComplexFloatStorage", 8, 4), ("ComplexDoubleStorage", 16, 8)])
            {
                byte[] storage = new byte[extent * width];
                new Random(3).NextBytes(storage);
                byte[] expected = Gather(storage, sizes, strides, offset, width);
                if (bigEndian)
                    Reverse(expected, unit);
                ZipBuilder zip = T.Zip(P.Dict(("w", T.View(T.Storage(type, "0", extent), offset, sizes, strides))), storage);
                zip.Add("net/byteorder", bigEndian ? "big"u8.ToArray() : "little"u8.ToArray());
                using Opened opened = new(zip.ToArray());
                Assert.Equal(expected, opened.Bytes("w"));
                CheckParts(opened, expected);
            }
        }
    }

    [Fact]
    public void Contiguous_tensors_are_ranges_of_the_file_and_others_are_not()
    {
        P.Persistent storage = T.Storage("FloatStorage", "0", 12);
        using Opened opened = new(T.Archive(P.Dict(
            ("whole", T.View(storage, 0, [3, 4], [4, 1])), ("tail", T.View(storage, 4, [2, 4], [4, 1])), ("odd_strides", T.View(storage, 0, [1, 4], [77, 1])),
            ("turned", T.View(storage, 0, [4, 3], [1, 4])), ("gap", T.View(storage, 0, [3, 2], [4, 1]))), T.Floats(12)));
        Assert.All(["whole", "tail", "odd_strides"], name => Assert.IsType<FileRegion>(opened[name].Source));
        Assert.All(["turned", "gap"], name => Assert.IsNotType<FileRegion>(opened[name].Source));
        Assert.Equal(new StorageSpan("data/0", 4, 12), opened["tail"].Storage);
        Assert.Equal(new StorageSpan("data/0", 0, 10), opened["gap"].Storage);
    }

    [Fact]
    public void Empty_tensors_touch_nothing()
    {
        using Opened opened = new(T.Archive(P.Dict(("e", T.View(T.Storage("FloatStorage", "0", 0), 5, [0, 3], [3, 1]))), Array.Empty<byte>()));
        Assert.Equal(0, opened["e"].ByteLength);
        Assert.Empty(opened.Bytes("e"));
    }

    /// <summary>A view of one value may be larger than any memory; a piece of it is still only a piece.</summary>
    [Fact]
    public void An_expanded_value_costs_no_more_than_what_is_asked_for()
    {
        using Opened opened = new(T.Archive(P.Dict(("w", T.View(T.Storage("FloatStorage", "0", 2), 1, [1 << 20, 1 << 30], [0, 0]))), T.Floats(2)));
        float[] values = new float[100];
        long before = GC.GetAllocatedBytesForCurrentThread();
        opened.File.ReadSingles(opened["w"], 1L << 45, values);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024 * 1024);
        Assert.All(values, v => Assert.Equal(1.5f, v));
    }

    [Fact]
    public void Several_threads_may_read_one_view()
    {
        const int n = 700;
        byte[] storage = new byte[n * n * 4];
        new Random(1).NextBytes(storage);
        using Opened opened = new(T.Archive(P.Dict(("w", T.View(T.Storage("FloatStorage", "0", n * n), 0, [n, n], [1, n]))), storage));
        byte[] expected = Gather(storage, [n, n], [1, n], 0, 4);
        Parallel.For(0, 64, i =>
        {
            byte[] part = new byte[expected.Length / 64];
            opened.File.ReadBytes(opened["w"], (long)i * part.Length, part);
            Assert.True(expected.AsSpan(i * part.Length, part.Length).SequenceEqual(part));
        });
    }

    private static void CheckParts(Opened opened, byte[] expected)
    {
        Random random = new(9);
        for (int i = 0; i < 20; i++)
        {
            int from = random.Next(expected.Length);
            byte[] part = new byte[random.Next(Math.Min(expected.Length - from, 3000) + 1)];
            opened.File.ReadBytes(opened["w"], from, part);
            Assert.True(expected.AsSpan(from, part.Length).SequenceEqual(part));
        }
    }

    private static byte[] Gather(byte[] storage, long[] sizes, long[] strides, long offset, int width)
    {
        long count = sizes.Aggregate(1L, (a, b) => a * b);
        byte[] result = new byte[count * width];
        for (long i = 0; i < count; i++)
        {
            long rest = i;
            long at = offset;
            for (int d = sizes.Length - 1; d >= 0; d--)
            {
                at += rest % sizes[d] * strides[d];
                rest /= sizes[d];
            }
            storage.AsSpan((int)(at * width), width).CopyTo(result.AsSpan((int)(i * width)));
        }
        return result;
    }

    private static void Reverse(byte[] bytes, int unit)
    {
        for (int i = 0; i < bytes.Length; i += unit)
            bytes.AsSpan(i, unit).Reverse();
    }
}
