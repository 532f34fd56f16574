using System.Buffers.Binary;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.OnnxAdapters;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.OnnxAdapters;

/// <summary>Adapter files of ONNX Runtime: what is written is read, and what nobody wrote is refused by name.</summary>
public sealed class OnnxAdapterFileTests : IDisposable
{
    private static readonly TensorSpec[] s_tensors = [new("a.lora_A.weight", TensorDType.F32, [5, 2]), new("ü", TensorDType.BF16, [3]), new("none", TensorDType.F16, [0, 4]), new("one", TensorDType.I64, []), new("a.lora_B.weight", TensorDType.F32, [2, 7])];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Values(TensorSpec tensor) => [.. Enumerable.Range(0, (int)tensor.ByteLength).Select(i => (byte)((i * 7) + tensor.Name.Length))];

    private byte[] Write()
    {
        using OnnxAdapterWriter writer = new(_folder["a.onnx_adapter"], s_tensors);
        foreach (TensorSpec tensor in s_tensors)
        {
            writer.Begin(tensor);
            byte[] values = Values(tensor);
            writer.Write(values.AsSpan(0, values.Length / 2));
            writer.Write(values.AsSpan(values.Length / 2));
        }
        writer.Complete();
        return File.ReadAllBytes(_folder["a.onnx_adapter"]);
    }

    private string Refused(byte[] bytes) => Assert.Throws<ModelFormatException>(() => TensorFiles.Open(_folder.Write("b.onnx_adapter", bytes)).Dispose()).ErrorId;

    [Fact]
    public void What_is_written_is_read_bit_for_bit_and_lies_where_FlatBuffers_want_it()
    {
        Write();
        using TensorFile file = TensorFiles.Open(_folder["a.onnx_adapter"]);
        Assert.Equal((ModelFormat.OnnxAdapter, "1"), (file.Format, file.Metadata["adapter_version"]));
        Assert.Equal(s_tensors.Select(t => (t.Name, t.DType, string.Join(',', t.Shape))), file.Tensors.Select(t => (t.Name, t.DType, string.Join(',', t.Shape))));
        foreach ((TensorSpec spec, TensorInfo tensor) in s_tensors.Zip(file.Tensors))
        {
            byte[] values = new byte[tensor.ByteLength];
            file.ReadBytes(tensor, 0, values);
            Assert.Equal(Values(spec), values);
            Assert.Equal(0, ((FileRegion)tensor.Source).Start % 8);
        }
    }

    [Fact]
    public void A_matrix_is_read_turned_in_pieces()
    {
        Write();
        using TensorFile file = TensorFiles.Open(_folder["a.onnx_adapter"]);
        TensorInfo turned = file.Tensors[0].Transposed();
        float[] straight = new float[10], pieces = new float[10];
        file.ReadSingles(file.Tensors[0], 0, straight);
        for (int i = 0; i < 10; i += 2)
            file.ReadSingles(turned, i, pieces.AsSpan(i, 2));
        Assert.True(turned.Shape is [2, 5]);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => straight[(i % 5 * 2) + (i / 5)]), pieces);
    }

    [Fact]
    public void Damage_is_named()
    {
        byte[] whole = Write();
        byte[] With(int position, uint number)
        {
            byte[] bytes = [.. whole];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(position), number);
            return bytes;
        }
        // Places of the writer's own head: the root's offset, its format version, its vector, the first table's offset.
        Assert.Equal(FormatErrors.HeaderInvalid, Refused(With(0, uint.MaxValue)));
        Assert.Equal(FormatErrors.VersionUnsupported, Refused(With(24, 2)));
        Assert.Equal(FormatErrors.HeaderInvalid, Refused(With(52, uint.MaxValue)));
        Assert.Equal(FormatErrors.HeaderInvalid, Refused(With(56, uint.MaxValue)));
        // The second parameter is the first one's table.
        Assert.Equal(FormatErrors.DuplicateTensor, Refused(With(60, BinaryPrimitives.ReadUInt32LittleEndian(whole.AsSpan(56)) - 4)));
        int first = 56 + (int)BinaryPrimitives.ReadUInt32LittleEndian(whole.AsSpan(56));
        Assert.Equal(FormatErrors.DTypeUnsupported, Refused(With(first + 12, 8)));
        Assert.Equal(FormatErrors.TensorSizeMismatch, Refused(With(first + 12, 11)));
        Assert.Equal(FormatErrors.HeaderInvalid, Refused(With(first + 4, uint.MaxValue / 2)));
        Assert.Equal(FormatErrors.DuplicateTensor, Assert.Throws<ModelFormatException>(() => new OnnxAdapterWriter(_folder["d.onnx_adapter"], [s_tensors[0], s_tensors[0]])).ErrorId);
        Assert.Equal(FormatErrors.DTypeUnsupported, Assert.Throws<ModelFormatException>(() => new OnnxAdapterWriter(_folder["d.onnx_adapter"], [new("q", TensorDType.Q8_0, [32])])).ErrorId);
        Assert.Equal(FormatErrors.HeaderTooLarge, Assert.Throws<ModelFormatException>(() => new OnnxAdapterWriter(_folder["d.onnx_adapter"], [new("large", TensorDType.F32, [1 << 29])])).ErrorId);
    }

    [Fact]
    public void Ten_thousand_damaged_files_are_read_or_refused_by_name()
    {
        byte[] whole = Write();
        int read = 0, refused = 0;
        for (int seed = 0; seed < 10_000; seed++)
        {
            Random random = new(seed);
            byte[] bytes = random.Next(8) == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (int change = random.Next(1, 5); change > 0 && bytes.Length > 0; change--)
            {
                int at = random.Next(2) == 0 ? random.Next(Math.Min(160, bytes.Length)) : random.Next(bytes.Length);
                bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => random.Next(2) == 0 ? (byte)0 : (byte)255 };
            }
            try
            {
                using TensorFile file = TensorFiles.Open(_folder.Write("b.onnx_adapter", bytes));
                foreach (TensorInfo tensor in file.Tensors)
                {
                    Assert.True(tensor.ByteLength <= bytes.Length);
                    file.ReadBytes(tensor, 0, new byte[tensor.ByteLength]);
                }
                read++;
            }
            catch (ModelFormatException e)
            {
                Assert.NotEmpty(e.ErrorId);
                refused++;
            }
        }
        Assert.True(read > 500 && refused > 500, $"{read} read, {refused} refused");
    }
}
