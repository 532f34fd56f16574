using System.Runtime.InteropServices;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Every way in which a TensorProto can hold its values.</summary>
public sealed class OnnxValueTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Element type, the type's name here, typed field, and whether the field's numbers are variable-length.</summary>
    public static TheoryData<int, TensorDType, int> Types => new()
    {
        { 1, TensorDType.F32, 4 }, { 2, TensorDType.U8, 5 }, { 3, TensorDType.I8, 5 }, { 4, TensorDType.U16, 5 },
        { 5, TensorDType.I16, 5 }, { 6, TensorDType.I32, 5 }, { 7, TensorDType.I64, 7 }, { 9, TensorDType.BOOL, 5 },
        { 10, TensorDType.F16, 5 }, { 11, TensorDType.F64, 10 }, { 12, TensorDType.U32, 11 }, { 13, TensorDType.U64, 11 },
        { 14, TensorDType.C64, 4 }, { 15, TensorDType.C128, 10 }, { 16, TensorDType.BF16, 5 }, { 17, TensorDType.F8_E4M3, 5 },
        { 18, TensorDType.F8_E4M3FNUZ, 5 }, { 19, TensorDType.F8_E5M2, 5 }, { 20, TensorDType.F8_E5M2FNUZ, 5 },
        { 21, TensorDType.U4, 5 }, { 22, TensorDType.I4, 5 }, { 23, TensorDType.F4, 5 }, { 24, TensorDType.F8_E8M0, 5 },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void Raw_bytes_are_the_tensor(int type, TensorDType dtype, int _)
    {
        byte[] expected = Pattern(dtype, 6);
        using OnnxFile file = Open(Model(Initializer(Tensor("w", type, [2, 3], t => t.Bytes(9, expected)))));

        TensorInfo tensor = Assert.Single(file.Tensors);
        Assert.Equal(("w", dtype), (tensor.Name, tensor.DType));
        Assert.Equal([2L, 3L], tensor.Shape.AsEnumerable());
        Assert.Equal(expected, ReadAll(file, tensor));
        Assert.IsType<FileRegion>(tensor.Source);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Typed_fields_packed_unpacked_and_mixed_hold_the_same_bytes(int type, TensorDType dtype, int field)
    {
        byte[] expected = Pattern(dtype, 6);
        ulong[] numbers = Numbers(expected, dtype);
        int half = numbers.Length / 2;
        byte[] model = Model(
            Initializer(Tensor("packed", type, [2, 3], t => Packed(t, field, numbers))),
            Initializer(Tensor("unpacked", type, [6], t => Unpacked(t, field, numbers))),
            Initializer(Tensor("split", type, [3, 2], t => { Packed(t, field, numbers[..half]); Packed(t, field, []); Packed(t, field, numbers[half..]); })),
            Initializer(Tensor("mixed", type, [1, 6], t => { Unpacked(t, field, numbers[..half]); Packed(t, field, numbers[half..]); })));
        using OnnxFile file = Open(model);

        Assert.Equal(["packed", "unpacked", "split", "mixed"], file.Tensors.Select(t => t.Name));
        Assert.All(file.Tensors, tensor =>
        {
            Assert.Equal(dtype, tensor.DType);
            Assert.Equal(expected, ReadAll(file, tensor));
        });
    }

    [Fact]
    public void Negative_integers_keep_their_sign()
    {
        using OnnxFile file = Open(Model(
            Initializer(Tensor("i8", 3, [2], t => Packed(t, 5, [unchecked((ulong)-1L), unchecked((ulong)-128L)]))),
            Initializer(Tensor("i32", 6, [2], t => Packed(t, 5, [unchecked((ulong)-7L), int.MaxValue]))),
            Initializer(Tensor("i64", Long, [2], t => Packed(t, 7, [unchecked((ulong)long.MinValue), 5])))));
        float[] values = new float[2];

        file.ReadSingles(file.Tensors[0], 0, values);
        Assert.Equal([-1f, -128f], values);
        file.ReadSingles(file.Tensors[1], 0, values);
        Assert.Equal([-7f, (float)int.MaxValue], values);
        file.ReadSingles(file.Tensors[2], 0, values);
        Assert.Equal([(float)long.MinValue, 5f], values);
    }

    [Fact]
    public void Any_range_of_a_long_variable_length_tensor_reads_alone()
    {
        // More numbers than are counted at opening, of all lengths, so that the index of starts is used.
        Random random = new(7);
        ulong[] numbers = [.. Enumerable.Range(0, 50_000).Select(_ => (ulong)random.NextInt64() >> random.Next(63))];
        byte[] expected = MemoryMarshal.AsBytes<ulong>(numbers).ToArray();
        using OnnxFile file = Open(Model(Initializer(Tensor("w", 13, [numbers.Length], t => Packed(t, 11, numbers)))));

        TensorInfo tensor = Assert.Single(file.Tensors);
        Assert.Equal(expected, ReadAll(file, tensor));
        for (int i = 0; i < 200; i++)
        {
            int start = random.Next(expected.Length);
            byte[] part = new byte[random.Next(Math.Min(5000, expected.Length - start))];
            file.ReadBytes(tensor, start, part);
            Assert.Equal(expected[start..(start + part.Length)], part);
        }
    }

    [Fact]
    public void A_long_variable_length_tensor_of_another_count_is_found_when_it_is_read()
    {
        ulong[] numbers = [.. Enumerable.Repeat(300UL, 50_000)];
        using OnnxFile file = Open(Model(Initializer(Tensor("w", 13, [numbers.Length - 1], t => Packed(t, 11, numbers)))));

        ModelFormatException e = Assert.Throws<ModelFormatException>(() => file.ReadSingles(file.Tensors[0], 0, new float[4]));
        Assert.Equal(FormatErrors.TensorSizeMismatch, e.ErrorId);
    }

    [Fact]
    public void A_tensor_without_elements_needs_no_values_and_a_scalar_has_one()
    {
        using OnnxFile file = Open(Model(
            Initializer(Tensor("empty", Float, [0, 4], _ => { })),
            Initializer(Tensor("scalar", Float, [], t => t.Float(4, 2.5f)))));
        float[] value = new float[1];
        file.ReadSingles(file.Tensors[1], 0, value);

        Assert.Equal(0, file.Tensors[0].ElementCount);
        Assert.Equal(1, file.Tensors[1].ElementCount);
        Assert.Equal(2.5f, value[0]);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(0)]
    public void Raw_bytes_of_another_length_are_refused(int bytes)
    {
        byte[] model = Model(Initializer(Tensor("w", 2, [2, 3], t => t.Bytes(9, new byte[bytes]))));
        Refused(model, FormatErrors.TensorSizeMismatch);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(25)]
    [InlineData(1000)]
    public void Element_types_that_are_not_known_are_named(int type) =>
        Refused(Model(Initializer(Tensor("w", type, [1], t => t.Bytes(9, new byte[4])))), FormatErrors.DTypeUnsupported);

    [Fact]
    public void Texts_are_counted_and_not_listed()
    {
        using OnnxFile file = Open(Model(
            Initializer(Tensor("words", 8, [2], t => t.Text(6, "a").Text(6, "b"))), Weight("w", 2, 2)));

        Assert.Equal(["w"], file.Tensors.Select(t => t.Name));
        Assert.Equal("1", file.Metadata["text_tensors"]);
    }

    private void Refused(byte[] model, string id)
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => Open(model));
        Assert.Equal(id, e.ErrorId);
    }

    private OnnxFile Open(byte[] model) => (OnnxFile)TensorFiles.Open(_folder.Write("m.onnx", model));

    private static byte[] ReadAll(OnnxFile file, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        file.ReadBytes(tensor, 0, bytes);
        return bytes;
    }

    /// <summary>Bytes that differ from each other; booleans are zero and one.</summary>
    private static byte[] Pattern(TensorDType dtype, int elements) =>
        [.. Enumerable.Range(0, (int)dtype.ByteLength(elements)).Select(i => (byte)(dtype == TensorDType.BOOL ? i % 2 : 37 * i + 1))];

    /// <summary>What a typed field holds for these bytes: one number an element, two for complex, one for two 4-bit elements.</summary>
    private static ulong[] Numbers(byte[] bytes, TensorDType dtype)
    {
        int width = dtype switch
        {
            TensorDType.C64 => 4,
            TensorDType.C128 => 8,
            _ => dtype.BlockBytes(),
        };
        return [.. bytes.Chunk(width).Select(chunk => chunk.Reverse().Aggregate(0UL, (number, b) => (number << 8) | b))];
    }

    private static void Packed(ProtoWriter tensor, int field, ulong[] numbers) => tensor.Bytes(field, numbers.Aggregate(new ProtoWriter(), (w, n) => field switch
    {
        4 => w.Raw(BitConverter.GetBytes((uint)n)),
        10 => w.Raw(BitConverter.GetBytes(n)),
        _ => w.Bare(n),
    }).ToArray());

    private static void Unpacked(ProtoWriter tensor, int field, ulong[] numbers)
    {
        foreach (ulong number in numbers)
        {
            _ = field switch
            {
                4 => tensor.Float(field, BitConverter.UInt32BitsToSingle((uint)number)),
                10 => tensor.Double(field, BitConverter.UInt64BitsToDouble(number)),
                _ => tensor.Varint(field, (long)number),
            };
        }
    }
}
