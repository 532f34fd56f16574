using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>What an archive's checksums say is held against what is read: of the pickle always, of values when they are read whole.</summary>
public sealed class RecordChecksumTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly TensorSpec[] s_tensors = [new("a.weight", TensorDType.F32, [3, 5]), new("a.bias", TensorDType.F32, [3]), new("b", TensorDType.F16, [7])];

    private byte[] Valid()
    {
        using (PyTorchModelWriter writer = new(_folder["valid.pt"], new Dictionary<string, string>()))
        {
            byte value = 1;
            foreach (TensorSpec tensor in s_tensors)
            {
                writer.Begin(tensor);
                writer.Write(Enumerable.Range(0, (int)tensor.ByteLength).Select(_ => value++).ToArray());
            }
            writer.Complete();
        }
        return File.ReadAllBytes(_folder["valid.pt"]);
    }

    /// <summary>Names, shapes and all bytes, read in pieces; null where there is an error with a name.</summary>
    private string? Content(byte[] bytes)
    {
        string path = _folder.Write("m.pt", bytes);
        try
        {
            using TensorFile file = TensorFiles.Open(path);
            return string.Join('\n', file.Tensors.Select(t => $"{t.Name} {t.DType} {string.Join('x', t.Shape)} {t.Trainable} {Convert.ToHexString(Whole(file, t))}"));
        }
        catch (ModelFormatException e)
        {
            Assert.NotEmpty(e.ErrorId);
            return null;
        }
    }

    private static byte[] Whole(TensorFile file, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        int half = bytes.Length / 2;
        file.ReadBytes(tensor, 0, bytes.AsSpan(0, half));
        file.ReadBytes(tensor, half, bytes.AsSpan(half));
        return bytes;
    }

    [Fact]
    public void No_single_bit_changes_what_is_read()
    {
        byte[] valid = Valid();
        string whole = Content(valid)!;
        Assert.NotNull(whole);
        int refused = 0;
        for (int bit = 0; bit < valid.Length * 8; bit++)
        {
            byte[] flipped = [.. valid];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            string? content = Content(flipped);
            Assert.True(content is null || content == whole, $"Bit {bit} changed the model silently.");
            refused += content is null ? 1 : 0;
        }
        Assert.NotEqual(0, refused);
    }

    [Fact]
    public void A_damaged_pickle_is_refused_before_it_is_believed()
    {
        byte[] pickle = P.Dump(P.Ordered(("a", T.Tensor("0", 2)), ("b", T.Tensor("1", 2))));
        ZipBuilder zip = T.Zip(null, T.Floats(2), T.Floats(2));
        zip["net/data.pkl"].Data = pickle;
        zip["net/data.pkl"].Crc = 0x1234;
        Assert.Equal(FormatErrors.ArchiveInvalid, Opened.ErrorOf(zip.ToArray()));
    }

    /// <summary>A view that is read through the whole storage checks it like a contiguous tensor does.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Values_are_checked_when_they_are_read_whole(bool turned)
    {
        object tensor = turned ? T.View(T.Storage("FloatStorage", "0", 6), 0, [3, 2], [1, 3]) : T.Tensor("0", 2, 3);
        ZipBuilder zip = T.Zip(P.Ordered(("w", tensor)), T.Floats(6));
        zip["net/data/0"].Crc = 0x1234;
        using Opened opened = new(zip.ToArray());
        Assert.Equal(FormatErrors.ArchiveInvalid, Assert.Throws<ModelFormatException>(() => opened.Values("w")).ErrorId);
        Assert.Equal(FormatErrors.ArchiveInvalid, Assert.Throws<ModelFormatException>(() => opened.Bytes("w")).ErrorId);
        // A part of it says nothing about the whole.
        opened.File.ReadBytes(opened["w"], 4, new byte[4]);
    }

    /// <summary>PyTorch can be told to compute no checksums; the field is zero then.</summary>
    [Fact]
    public void A_checksum_of_zero_is_none()
    {
        using Opened opened = new(T.Archive(P.Ordered(("w", T.Tensor("0", 2))), T.Floats(2)));
        Assert.Equal(T.Floats(2), opened.Bytes("w"));
    }
}
