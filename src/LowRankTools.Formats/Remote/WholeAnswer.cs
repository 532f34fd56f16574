using LowRankTools.Formats.Safetensors;

namespace LowRankTools.Formats.Remote;

/// <summary>A file that a server sends whole: its beginning is kept as far as it was read, and the rest never fetched.</summary>
internal sealed class WholeAnswer : IDisposable
{
    /// <summary>Most bytes that are kept: a header at its greatest length.</summary>
    private const int MostBytes = SafetensorsConstants.PrefixBytes + SafetensorsConstants.MaxHeaderBytes;

    private const int FirstBytes = 64 * 1024;

    private readonly RemoteAnswer _answer;
    private byte[] _bytes = new byte[FirstBytes];
    private int _count;

    private WholeAnswer(RemoteAnswer answer, long length) => (_answer, Length) = (answer, length);

    /// <summary>Length of the file as the server says it.</summary>
    public long Length { get; }

    /// <summary>Takes over an answer.</summary>
    /// <param name="answer">Owned from here on, unless it is refused.</param>
    /// <param name="from">First byte that was asked for.</param>
    /// <exception cref="ModelFormatException"><c>RemoteRangesMissing</c>, <c>RemoteAnswerInvalid</c>, <c>HeaderTruncated</c>.</exception>
    public static WholeAnswer Take(RemoteAnswer answer, long from)
    {
        if (from != 0)
            throw RemoteErrors.Invalid(answer.Address, "The server sends the whole file where it sent a range before.");
        return answer.Length switch
        {
            null => throw new ModelFormatException(FormatErrors.RemoteRangesMissing, "The server sends the whole file and does not say how long it is.", RemoteAddress.Show(answer.Address)),
            0 => throw new ModelFormatException(FormatErrors.HeaderTruncated, "The file is empty.", RemoteAddress.Show(answer.Address)),
            { } length => new WholeAnswer(answer, length),
        };
    }

    /// <summary>Fills a destination, reading on as far as it must.</summary>
    /// <param name="position">First byte.</param>
    /// <param name="destination">Filled wholly; inside the file.</param>
    /// <exception cref="ModelFormatException"><c>RemoteRangesMissing</c>: it lies too far behind the beginning; <c>RemoteAnswerInvalid</c>: the body breaks off.</exception>
    public void Read(long position, Span<byte> destination)
    {
        long end = position + destination.Length;
        if (end > MostBytes)
        {
            throw new ModelFormatException(FormatErrors.RemoteRangesMissing,
                $"The server sends whole files only, and what is wanted lies behind the first {MostBytes} bytes, where reading stopped.", RemoteAddress.Show(_answer.Address));
        }
        ReadOn((int)end);
        _bytes.AsSpan((int)position, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void Dispose() => _answer.Dispose();

    private void ReadOn(int end)
    {
        if (end > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(MostBytes, Math.Max(end, 2L * _bytes.Length)));
        if (end <= _count)
            return;
        int read = _answer.Read(_bytes.AsMemory(_count, end - _count));
        _count += read;
        if (_count < end)
            throw RemoteErrors.Invalid(_answer.Address, $"The body breaks off after {_count} bytes of {Length}.");
    }
}
