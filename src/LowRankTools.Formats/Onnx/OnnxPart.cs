namespace LowRankTools.Formats.Onnx;

/// <summary>A run of bytes of the model that is written.</summary>
internal abstract record OnnxPart
{
    private OnnxPart()
    {
    }

    /// <summary>How many there are.</summary>
    public abstract long Length { get; }

    /// <summary>Bytes of the source.</summary>
    public sealed record Kept(MessageSpan Span) : OnnxPart
    {
        /// <inheritdoc/>
        public override long Length => Span.Length;
    }

    /// <summary>New ones.</summary>
    public sealed record New(byte[] Bytes) : OnnxPart
    {
        /// <inheritdoc/>
        public override long Length => Bytes.Length;
    }
}
