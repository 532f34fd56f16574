using System.Text;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Tests;

namespace LowRankTools.Formats.Tests.Remote;

/// <summary>A server is anybody: whatever it does is one error, after bounded bytes and time.</summary>
public sealed class RemoteFaultTests : IDisposable
{
    private static readonly byte[] s_file = SafetensorsBytes.File($"{{{SafetensorsBytes.Entry("w", "U8", "[200000]", "[0,200000]")}}}", 200_000);

    private readonly FileServer _server = new();

    public void Dispose() => _server.Dispose();

    private static RemoteOptions Options => new() { Timeout = TimeSpan.FromSeconds(20), Token = "" };

    private static ModelFormatException Refused(string address, RemoteOptions? options = null) =>
        Assert.Throws<ModelFormatException>(() => TensorFiles.OpenRemote(address, options ?? Options).Dispose());

    private static byte[] Index(string map) => Encoding.UTF8.GetBytes($"{{\"weight_map\":{{{map}}}}}");

    private string Raw(string head, params byte[] body) => _server.On("/m.safetensors", (_, stream) =>
    {
        FileServer.Write(stream, head + "\r\n");
        _server.Body(stream, body);
    });

    [Theory]
    [InlineData(400, FormatErrors.RemoteFailed)]
    [InlineData(401, FormatErrors.RemoteDenied)]
    [InlineData(403, FormatErrors.RemoteDenied)]
    [InlineData(404, FormatErrors.RemoteNotFound)]
    [InlineData(410, FormatErrors.RemoteNotFound)]
    [InlineData(416, FormatErrors.HeaderTruncated)]
    [InlineData(429, FormatErrors.RemoteFailed)]
    [InlineData(500, FormatErrors.RemoteFailed)]
    [InlineData(503, FormatErrors.RemoteFailed)]
    [InlineData(204, FormatErrors.RemoteFailed)]
    public void A_status_is_one_error_with_a_remedy(int status, string errorId)
    {
        ModelFormatException e = Refused(_server.Status("/m.safetensors", status));
        Assert.Equal(errorId, e.ErrorId);
        Assert.NotEmpty(e.Remedy);
        Assert.Equal(_server.Root + "/m.safetensors", e.File);
    }

    [Fact]
    public void The_query_of_an_address_stays_out_of_errors() =>
        Assert.DoesNotContain("secret", Refused(_server.Root + "/m.safetensors?signature=secret").Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("HTTP/1.1 206 P\r\nContent-Length: 3\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 0-2/*\r\nContent-Length: 3\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: lines 0-2/3\r\nContent-Length: 3\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 5-7/900\r\nContent-Length: 3\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 0-2/900\r\nContent-Length: 3\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 0-2/3\r\nContent-Length: 2\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 0-899/900\r\n")]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 0-2/3\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n")]
    [InlineData("HTTP/1.1 200 O\r\nContent-Length: 900\r\n")]
    [InlineData("no HTTP at all\r\n")]
    public void An_answer_that_is_not_the_range_is_refused(string head)
    {
        Assert.Equal(FormatErrors.RemoteAnswerInvalid, Refused(Raw(head + "Connection: close\r\n", 1, 2, 3)).ErrorId);
    }

    [Fact]
    public void A_file_that_changes_between_two_ranges_is_refused()
    {
        string address = _server.On("/m.safetensors", (request, stream) =>
        {
            (long from, long to) = request.Range;
            FileServer.Write(stream, $"HTTP/1.1 206 P\r\nContent-Range: bytes {from}-{to}/{500_000 + from}\r\nContent-Length: {to - from + 1}\r\nConnection: close\r\n\r\n");
            _server.Body(stream, [.. BitConverter.GetBytes(300_000L), (byte)'{', .. new byte[to - from - 8]]);
        });
        Assert.Equal(FormatErrors.RemoteAnswerInvalid, Refused(address).ErrorId);
    }

    [Fact]
    public void A_header_that_claims_to_be_endless_is_refused_after_the_first_range()
    {
        byte[] head = [.. BitConverter.GetBytes(1L << 40), (byte)'{'];
        Assert.Equal(FormatErrors.HeaderTooLarge, Refused(_server.Serve("/m.safetensors", head, 1L << 42)).ErrorId);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public void A_body_without_end_is_left_at_the_end_of_its_range()
    {
        string address = _server.On("/m.safetensors", (_, stream) =>
        {
            FileServer.Write(stream, $"HTTP/1.1 206 P\r\nContent-Range: bytes 0-65535/{s_file.Length}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
            for (int at = 0; !_server.Closing.IsCancellationRequested; at += 4096)
            {
                FileServer.Write(stream, "1000\r\n");
                _server.Body(stream, at < s_file.Length - 4096 ? s_file.AsSpan(at, 4096) : new byte[4096]);
                FileServer.Write(stream, "\r\n");
            }
        });
        using TensorFile file = TensorFiles.OpenRemote(address, Options);
        Assert.Equal(65536, file.Transfer!.Bytes);
    }

    [Fact]
    public void A_head_without_end_is_refused()
    {
        string address = _server.On("/m.safetensors", (_, stream) =>
        {
            FileServer.Write(stream, "HTTP/1.1 200 OK\r\n");
            while (!_server.Closing.IsCancellationRequested)
                FileServer.Write(stream, $"X-More: {new string('x', 1000)}\r\n");
        });
        Assert.Equal(FormatErrors.RemoteAnswerInvalid, Refused(address).ErrorId);
    }

    [Fact]
    public void A_server_that_says_nothing_is_given_up()
    {
        string address = _server.On("/m.safetensors", (_, _) => _server.Closing.WaitHandle.WaitOne());
        Assert.Equal(FormatErrors.RemoteTimeout, Refused(address, Options with { Timeout = TimeSpan.FromMilliseconds(300) }).ErrorId);
    }

    [Theory]
    [InlineData("HTTP/1.1 206 P\r\nContent-Range: bytes 0-65535/200074\r\nContent-Length: 65536\r\nConnection: close\r\n\r\n")]
    [InlineData("HTTP/1.1 200 O\r\nContent-Length: 65536\r\nConnection: close\r\n\r\n")]
    [InlineData("")]
    public void A_server_that_drips_is_given_up(string head)
    {
        string address = _server.On("/m.safetensors", (_, stream) =>
        {
            FileServer.Write(stream, head);
            while (!_server.Closing.WaitHandle.WaitOne(20))
                FileServer.Write(stream, "H");
        });
        Assert.Equal(FormatErrors.RemoteTimeout, Refused(address, Options with { Timeout = TimeSpan.FromMilliseconds(300) }).ErrorId);
    }

    [Fact]
    public void Whole_files_of_no_known_length_are_refused() =>
        Assert.Equal(FormatErrors.RemoteRangesMissing, Refused(Raw("HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")).ErrorId);

    [Fact]
    public void A_server_that_does_not_listen_is_unreachable()
    {
        string address = _server.Root + "/m.safetensors";
        _server.Dispose();
        Assert.Equal(FormatErrors.RemoteUnreachable, Refused(address).ErrorId);
    }

    [Theory]
    [InlineData("/m.safetensors")]
    [InlineData("ftp://localhost/m.safetensors")]
    [InlineData("http://192.0.2.1/m.safetensors")]
    [InlineData("http://user:secret@localhost/m.safetensors")]
    [InlineData("\\\\")]
    public void Redirects_in_circles_and_to_elsewhere_are_refused(string location)
    {
        ModelFormatException e = Refused(_server.Status("/m.safetensors", 302, $"Location: {location}\r\n"));
        Assert.Contains(e.ErrorId, new[] { FormatErrors.RemoteRedirectRefused, FormatErrors.RemoteNotFound });
        Assert.InRange(_server.Requests.Count, 1, 6);
    }

    [Theory]
    [InlineData("http://192.0.2.1/m.safetensors")]
    [InlineData("https://user:secret@192.0.2.1/m.safetensors")]
    [InlineData("https://")]
    public void Addresses_that_are_not_read_are_refused_before_anything_is_sent(string address) =>
        Assert.Equal(FormatErrors.RemoteAddressRefused, Refused(address).ErrorId);

    [Fact]
    public void Other_formats_are_refused_with_what_to_do()
    {
        Assert.Equal(FormatErrors.UnknownFormat, Refused(_server.Serve("/model", Encoding.UTF8.GetBytes("<!doctype html><html></html>"))).ErrorId);
        Assert.Equal(FormatErrors.UnknownFormat, Refused(_server.Serve("/model.bin", [0x50, 0x4B, 3, 4, 0, 0])).ErrorId);
        Assert.Equal(FormatErrors.HeaderTruncated, Refused(_server.Serve("/m.safetensors", [])).ErrorId);
    }

    [Theory]
    [InlineData("../x.safetensors"), InlineData("/x.safetensors"), InlineData(@"..\x"), InlineData("http://192.0.2.1/x"), InlineData("")]
    public void An_index_leads_nowhere_else(string name)
    {
        string address = _server.Serve("/r/model.safetensors.index.json", Index("\"a\":" + System.Text.Json.JsonSerializer.Serialize(name)));
        Assert.Equal(FormatErrors.ReferencedFileOutside, Refused(address).ErrorId);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public void An_index_of_endless_shards_is_refused()
    {
        string map = string.Join(',', Enumerable.Range(0, 2000).Select(i => $"\"t{i}\":\"s{i}.safetensors\""));
        Assert.Equal(FormatErrors.RemoteLimitReached, Refused(_server.Serve("/model.safetensors.index.json", Index(map))).ErrorId);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task Ctrl_C_ends_the_waiting()
    {
        using ManualResetEventSlim asked = new();
        string address = _server.On("/m.safetensors", (_, _) =>
        {
            asked.Set();
            _server.Closing.WaitHandle.WaitOne();
        });
        using CancellationTokenSource stop = new();
        Task<TensorFile> opening = Task.Run(() => TensorFiles.OpenRemote(address, Options with { CancellationToken = stop.Token }));
        asked.Wait();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }
}
