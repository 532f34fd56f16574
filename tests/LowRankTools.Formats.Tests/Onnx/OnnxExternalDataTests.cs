using System.Globalization;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Safetensors;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Values in files beside the model.</summary>
public sealed class OnnxExternalDataTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Values_are_read_from_their_place_in_several_files()
    {
        byte[] data = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
        _folder.Write("a.data", data);
        _folder.Write("sub/b.data", data[50..]);
        string path = _folder.Write("m.onnx", Model(
            External("x", [10], "a.data", 20, 10), External("y", [30], "a.data", 70, null), External("z", [50], "sub/b.data", null, null)));
        using TensorFile file = TensorFiles.Open(path);

        Assert.Equal(data[20..30], Bytes(file, 0));
        Assert.Equal(data[70..], Bytes(file, 1));
        Assert.Equal(data[50..], Bytes(file, 2));
        Assert.Equal([path, _folder["a.data"], _folder["sub/b.data"]], file.Files);
        Assert.Equal(file.Files.Sum(f => new FileInfo(f).Length), file.FileBytes);
    }

    [Theory]
    [InlineData("../a.data", FormatErrors.ReferencedFileOutside)]
    [InlineData("sub/../../a.data", FormatErrors.ReferencedFileOutside)]
    [InlineData("/etc/passwd", FormatErrors.ReferencedFileOutside)]
    [InlineData("", FormatErrors.ReferencedFileOutside)]
    [InlineData("absent.data", FormatErrors.ReferencedFileMissing)]
    public void A_file_that_is_not_beside_the_model_is_refused(string location, string id) =>
        Refused(External("x", [10], location, 0, 10), id);

    [Theory]
    [InlineData(91L, null, FormatErrors.TensorTruncated)]
    [InlineData(long.MaxValue, null, FormatErrors.TensorTruncated)]
    [InlineData(0L, 9L, FormatErrors.TensorSizeMismatch)]
    [InlineData(0L, 11L, FormatErrors.TensorSizeMismatch)]
    [InlineData(-1L, null, FormatErrors.HeaderInvalid)]
    public void A_place_outside_the_file_is_refused(long offset, long? length, string id) =>
        Refused(External("x", [10], "a.data", offset, length), id);

    [Fact]
    public void A_tensor_elsewhere_must_say_where() =>
        Refused(Initializer(Tensor("x", 2, [1], t => t.Varint(14, 1))), FormatErrors.HeaderInvalid);

    private void Refused(Action<ProtoWriter> tensor, string id)
    {
        _folder.Write("a.data", new byte[100]);
        string path = _folder.Write("m.onnx", Model(tensor));
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path));
        Assert.Equal(id, e.ErrorId);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    private static byte[] Bytes(TensorFile file, int tensor)
    {
        byte[] bytes = new byte[file.Tensors[tensor].ByteLength];
        file.ReadBytes(file.Tensors[tensor], 0, bytes);
        return bytes;
    }

    private static Action<ProtoWriter> External(string name, long[] dims, string location, long? offset, long? length) =>
        Initializer(Tensor(name, 2, dims, t =>
        {
            Entry(t, "location", location);
            if (offset is { } o)
                Entry(t, "offset", o.ToString(CultureInfo.InvariantCulture));
            if (length is { } l)
                Entry(t, "length", l.ToString(CultureInfo.InvariantCulture));
            t.Varint(14, 1);
        }));

    private static void Entry(ProtoWriter tensor, string key, string value) => tensor.Message(13, e => e.Text(1, key).Text(2, value));
}
