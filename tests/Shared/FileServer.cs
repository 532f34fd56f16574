using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LowRankTools.Tests;

/// <summary>A request as it came.</summary>
internal sealed record ServedRequest(string Path, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>First and last byte that is asked for.</summary>
    public (long From, long To) Range
    {
        get
        {
            string[] ends = Headers["range"]["bytes=".Length..].Split('-');
            return (long.Parse(ends[0], CultureInfo.InvariantCulture), long.Parse(ends[1], CultureInfo.InvariantCulture));
        }
    }
}

/// <summary>
/// A server on this machine that speaks HTTP over bare sockets, so that it can do so wrongly: every address has an answer of its
/// own, and one connection carries one request.
/// </summary>
internal sealed class FileServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<string, Action<ServedRequest, Stream>> _answers = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<ServedRequest> _requests = new();
    private readonly CancellationTokenSource _stop = new();
    private long _bodyBytes;

    public FileServer()
    {
        _listener.Start();
        _ = Task.Run(Accept);
    }

    /// <summary>Everything that was asked, in order.</summary>
    public IReadOnlyList<ServedRequest> Requests => [.. _requests];

    /// <summary>Bytes of bodies that were handed to the network.</summary>
    public long BodyBytes => Interlocked.Read(ref _bodyBytes);

    /// <summary>Whether the server is closing: an endless answer ends.</summary>
    public CancellationToken Closing => _stop.Token;

    /// <summary>Scheme, host and port.</summary>
    public string Root => $"http://localhost:{Port}";

    /// <summary>The same server under another name: another host to anybody who compares.</summary>
    public string OtherRoot => $"http://127.0.0.1:{Port}";

    private int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Answers with ranges of a file.</summary>
    /// <param name="path">Path on the server.</param>
    /// <param name="head">First bytes.</param>
    /// <param name="length">Length of the file, zeros after its first bytes; null for no more than these.</param>
    /// <returns>The address.</returns>
    public string Serve(string path, byte[] head, long? length = null)
    {
        long whole = length ?? head.Length;
        return On(path, (request, stream) =>
        {
            (long from, long to) = request.Range;
            if (from >= whole)
            {
                Write(stream, $"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{whole}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return;
            }
            to = Math.Min(to, whole - 1);
            Write(stream, $"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{to}/{whole}\r\nContent-Length: {to - from + 1}\r\nETag: \"1\"\r\nConnection: close\r\n\r\n");
            byte[] body = new byte[to - from + 1];
            if (from < head.Length)
                head.AsSpan((int)from, (int)Math.Min(body.Length, head.Length - from)).CopyTo(body);
            Body(stream, body);
        });
    }

    /// <summary>Answers in any way.</summary>
    /// <returns>The address.</returns>
    public string On(string path, Action<ServedRequest, Stream> answer)
    {
        _answers[path] = answer;
        return Root + path;
    }

    /// <summary>Answers with a status and nothing else.</summary>
    /// <returns>The address.</returns>
    public string Status(string path, int status, string header = "") =>
        On(path, (_, stream) => Write(stream, $"HTTP/1.1 {status} No\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n"));

    /// <summary>Sends a part of a body.</summary>
    public void Body(Stream stream, ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        Interlocked.Add(ref _bodyBytes, bytes.Length);
    }

    /// <summary>Sends lines as they are.</summary>
    public static void Write(Stream stream, string lines) => stream.Write(Encoding.ASCII.GetBytes(lines));

    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
            return;
        // Not disposed: answers that wait on purpose still look at it.
        _stop.Cancel();
        _listener.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                // A thread of its own: answers wait on purpose.
                new Thread(() => Answer(client)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The server is closed.
        }
    }

    private void Answer(TcpClient client)
    {
        try
        {
            using (client)
            using (NetworkStream stream = client.GetStream())
            {
                ServedRequest request = Read(stream);
                _requests.Enqueue(request);
                if (_answers.TryGetValue(request.Path, out Action<ServedRequest, Stream>? answer))
                    answer(request, stream);
                else
                    Write(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The client has heard enough.
        }
    }

    private static ServedRequest Read(NetworkStream stream)
    {
        List<byte> head = [];
        while (head.Count < 4 || !head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            int next = stream.ReadByte();
            if (next < 0)
                throw new IOException("The client hung up.");
            head.Add((byte)next);
        }
        string[] lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> headers = lines.Skip(1).Select(l => l.Split(": ", 2)).ToDictionary(p => p[0].ToLowerInvariant(), p => p[1], StringComparer.Ordinal);
        return new ServedRequest(lines[0].Split(' ')[1], headers);
    }
}
