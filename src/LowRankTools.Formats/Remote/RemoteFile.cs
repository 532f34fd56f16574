using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Remote;

/// <summary>
/// A file on a server, read by ranges. Reads go through one block; where they follow each other the block grows, so that the
/// vocabulary of a GGUF file takes a few requests and a short header one. Where the server sends the whole file, its beginning is
/// read as far as is needed and the connection is closed.
/// </summary>
internal sealed class RemoteFile : RandomAccessSource
{
    private const int FirstBlockBytes = 64 * 1024, MostBlockBytes = 4 * 1024 * 1024;

    private readonly RemoteSession _session;
    private readonly bool _ownsSession;
    private readonly string _path;
    private readonly Lock _gate = new();
    private Uri _address;
    private byte[] _block = [];
    private long _blockStart, _length = -1;
    private int _nextBytes = FirstBlockBytes;
    private string? _version;
    private WholeAnswer? _whole;

    /// <summary>Asks for the beginning.</summary>
    /// <param name="session">Sends requests.</param>
    /// <param name="address">The file.</param>
    /// <param name="ownsSession">Whether it ends with the file.</param>
    /// <exception cref="ModelFormatException">See the ids of <see cref="FormatErrors"/> that begin with Remote; <c>HeaderTruncated</c>: the file is empty.</exception>
    public RemoteFile(RemoteSession session, Uri address, bool ownsSession)
    {
        (_session, _address, _ownsSession, _path) = (session, address, ownsSession, RemoteAddress.Show(address));
        Fetch(0, FirstBlockBytes);
    }

    /// <inheritdoc/>
    public override string Path => _path;

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override RemoteTransfer? Transfer => _session.Transfer;

    /// <inheritdoc/>
    public override int ReadUpTo(long position, Span<byte> destination)
    {
        lock (_gate)
            return Read(position, destination);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _whole?.Dispose();
        if (_ownsSession)
            _session.Dispose();
    }

    private int Read(long position, Span<byte> destination)
    {
        int wanted = (int)Math.Min(destination.Length, Math.Max(0, _length - position));
        if (_whole is not null)
        {
            _whole.Read(position, destination[..wanted]);
            return wanted;
        }
        for (int done = 0; done < wanted;)
        {
            long at = position + done;
            if (at < _blockStart || at >= _blockStart + _block.Length)
                FetchAhead(at, wanted - done);
            ReadOnlySpan<byte> there = _block.AsSpan((int)(at - _blockStart));
            there = there[..Math.Min(there.Length, wanted - done)];
            there.CopyTo(destination[done..]);
            done += there.Length;
        }
        return wanted;
    }

    private void FetchAhead(long position, int wanted)
    {
        bool follows = position == _blockStart + _block.Length;
        _nextBytes = follows ? Math.Min(MostBlockBytes, _nextBytes * 2) : FirstBlockBytes;
        Fetch(position, (int)Math.Min(_length - position, Math.Clamp(wanted, _nextBytes, MostBlockBytes)));
    }

    private void Fetch(long from, int count)
    {
        RemoteAnswer answer = _session.Get(_address, from, count);
        bool kept = false;
        try
        {
            // The next range is asked for where this one came from: a signed address is good for a while.
            _address = answer.Address;
            if (answer.IsPacked)
                throw RemoteErrors.Invalid(_address, "The server packs the file, which was not asked for.");
            if (answer.IsWhole)
            {
                _whole = WholeAnswer.Take(answer, from);
                kept = true;
                _length = _whole.Length;
                _session.NoteWithoutRanges();
                return;
            }
            CheckRange(answer, from, count);
            byte[] block = new byte[(int)Math.Min(count, _length - from)];
            int read = answer.Read(block);
            if (read < block.Length)
                throw RemoteErrors.Invalid(_address, $"The server sent {read} of {block.Length} bytes.");
            (_block, _blockStart) = (block, from);
        }
        finally
        {
            if (!kept)
                answer.Dispose();
        }
    }

    private void CheckRange(RemoteAnswer answer, long from, int count)
    {
        if (answer.Range is not { HasRange: true, HasLength: true, Unit: "bytes" } range)
            throw RemoteErrors.Invalid(_address, "The server does not say which range it sends, or of how long a file.");
        long length = range.Length!.Value, last = Math.Min(from + count, length) - 1;
        if (range.From != from || range.To != last)
            throw RemoteErrors.Invalid(_address, $"Bytes {from} to {last} were asked for and {range.From} to {range.To} are sent.");
        if (answer.Length is { } sent && sent != last - from + 1)
            throw RemoteErrors.Invalid(_address, $"The server announces {last - from + 1} bytes and sends {sent}.");
        if (_length >= 0 && (_length != length || _version != answer.Version))
            throw RemoteErrors.Invalid(_address, "The file was changed on the server while it was read.");
        (_length, _version) = (length, answer.Version);
    }
}
