using System.Text;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Tests;

namespace LowRankTools.Formats.Tests.Remote;

/// <summary>What is read of a file on a server is what is read of the same file on this machine.</summary>
public sealed class RemoteReadingTests : IDisposable
{
    private const long DataBytes = 1L << 36;

    private readonly FileServer _server = new();
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    private static RemoteOptions Options => new() { Timeout = TimeSpan.FromSeconds(20), Token = "" };

    /// <summary>A header of one tensor as large as the data.</summary>
    private static byte[] Header(long dataBytes, string metadata = "") => SafetensorsBytes.File(
        $$"""{"__metadata__":{"format":"pt","note":"{{metadata}}"},{{SafetensorsBytes.Entry("w", "U8", $"[{dataBytes}]", $"[0,{dataBytes}]")}}}""");

    private static string[] Described(TensorFile file) => [.. file.Tensors.Select(t => t.ToString())];

    private static byte[] Vocabulary(int words)
    {
        GgufBuilder builder = new() { Alignment = 32 };
        builder.KeyValue("general.architecture", "llama");
        builder.KeyValue("tokenizer.ggml.tokens", 9, GgufBuilder.Array(8, (ulong)words, [.. Enumerable.Range(0, words).Select(i => GgufBuilder.Text($"word number {i}"))]));
        builder.KeyValue("llama.block_count", 2);
        builder.Tensor("token_embd.weight", [32, 16], 0, new byte[32 * 16 * 4]);
        builder.Tensor("output_norm.weight", [32], 0, new byte[32 * 4]);
        return builder.Build();
    }

    [Theory]
    [InlineData(0), InlineData(1_000), InlineData(64 * 1024 - 200), InlineData(64 * 1024), InlineData(300_000), InlineData(9_000_000)]
    public void A_safetensors_header_of_any_length_is_read_and_the_data_is_not(int metadata)
    {
        byte[] header = Header(DataBytes, new string('x', metadata));
        using TensorFile file = TensorFiles.OpenRemote(_server.Serve("/m.safetensors", header, header.Length + DataBytes), Options);
        TensorInfo tensor = Assert.Single(file.Tensors);
        Assert.Equal((DataBytes, header.Length + DataBytes), (tensor.ElementCount, file.FileBytes));
        Assert.Equal(metadata, file.Metadata["note"].Length);
        Assert.Equal(_server.BodyBytes, file.Transfer!.Bytes);
        Assert.Equal(_server.Requests.Count, file.Transfer.Requests);
        Assert.InRange(file.Transfer.Bytes, header.Length, 2L * header.Length + 128 * 1024);
    }

    [Theory]
    [InlineData(10), InlineData(3_000), InlineData(200_000)]
    public void A_gguf_header_is_the_same_as_from_the_disk(int words)
    {
        byte[] bytes = Vocabulary(words);
        using TensorFile local = TensorFiles.Open(_folder.Write("m.gguf", bytes)), remote = TensorFiles.OpenRemote(_server.Serve("/m.gguf", bytes), Options);
        Assert.Equal(Described(local), Described(remote));
        Assert.Equal(local.Metadata, remote.Metadata);
        Assert.Equal((local.Format, local.FileBytes), (remote.Format, remote.FileBytes));
        Assert.InRange(remote.Transfer!.Requests, 1, 10);
    }

    [Fact]
    public void Shards_are_found_beside_their_index_whatever_query_the_index_has()
    {
        byte[] first = SafetensorsBytes.File($"{{{SafetensorsBytes.Entry("a", "F32", "[2]", "[0,8]")}}}", 8), second = SafetensorsBytes.File($"{{{SafetensorsBytes.Entry("b", "F16", "[3,1]", "[0,6]")}}}", 6);
        _server.Serve("/r/model-00001-of-00002.safetensors", first);
        _server.Serve("/r/model-00002-of-00002.safetensors", second);
        byte[] index = Encoding.UTF8.GetBytes("""{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}""");
        _server.Serve("/r/model.safetensors.index.json?download=true", index);
        using TensorFile file = TensorFiles.OpenRemote(_server.Root + "/r/model.safetensors.index.json?download=true", Options);
        Assert.Equal(["a F32 [2]", "b F16 [3, 1]"], Described(file));
        Assert.Equal(index.Length + first.Length + second.Length, file.FileBytes);
        Assert.Equal(3, file.Transfer!.Requests);
    }

    [Fact]
    public void Values_are_ranges_too()
    {
        byte[] data = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))];
        byte[] header = Header(data.Length);
        using TensorFile file = TensorFiles.OpenRemote(_server.Serve("/m.safetensors", [.. header, .. data]), Options);
        byte[] some = new byte[1000];
        file.ReadBytes(file.Tensors[0], 90_000, some);
        Assert.Equal(data.AsSpan(90_000, 1000).ToArray(), some);
    }

    [Theory]
    [InlineData(10), InlineData(500_000)]
    public void A_server_without_ranges_is_left_after_the_header(int metadata)
    {
        byte[] header = Header(DataBytes, new string('x', metadata));
        string address = _server.On("/m.safetensors", (_, stream) =>
        {
            FileServer.Write(stream, $"HTTP/1.1 200 OK\r\nContent-Length: {header.Length + DataBytes}\r\nConnection: close\r\n\r\n");
            _server.Body(stream, header);
            while (!_server.Closing.IsCancellationRequested)
                _server.Body(stream, new byte[65536]);
        });
        using (TensorFile file = TensorFiles.OpenRemote(address, Options))
        {
            Assert.Equal(DataBytes, Assert.Single(file.Tensors).ElementCount);
            Assert.Equal(1, file.Transfer!.WithoutRanges);
            Assert.InRange(file.Transfer.Bytes, header.Length, header.Length + 128 * 1024);
        }
        Assert.Single(_server.Requests);
    }

    [Fact]
    public void Redirects_are_followed_and_later_ranges_asked_for_where_they_led()
    {
        byte[] header = Header(DataBytes, new string('x', 200_000));
        _server.Serve("/blob", header, header.Length + DataBytes);
        _server.Status("/second", 307, "Location: ../blob\r\n");
        string address = _server.Status("/first/m.safetensors", 302, $"Location: {_server.OtherRoot}/second\r\n");
        using TensorFile file = TensorFiles.OpenRemote(address, Options);
        Assert.Equal(DataBytes, Assert.Single(file.Tensors).ElementCount);
        Assert.Equal(address, file.Path);
        Assert.Equal(["/first/m.safetensors", "/second", "/blob"], _server.Requests.Select(r => r.Path).Take(3));
        Assert.All(_server.Requests.Skip(3), r => Assert.Equal("/blob", r.Path));
    }
}
