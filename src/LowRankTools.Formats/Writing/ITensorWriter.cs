namespace LowRankTools.Formats;

/// <summary>
/// Writes a model tensor by tensor, in any number of pieces each. All bytes go to temporary files beside the
/// target; <see cref="Complete"/> flushes them to the disk and renames them. Disposing before that removes them.
/// </summary>
public interface ITensorWriter : IDisposable
{
    /// <summary>Starts the next tensor; the one before must be complete.</summary>
    /// <exception cref="InvalidOperationException">The tensor before got fewer bytes than its shape needs, or the name was used.</exception>
    void Begin(TensorSpec tensor);

    /// <summary>Appends bytes (contiguous, C order, little-endian) to the tensor that was begun last.</summary>
    /// <exception cref="InvalidOperationException">More bytes than the tensor's shape needs.</exception>
    /// <exception cref="IOException">The disk is full or the target cannot be written.</exception>
    void Write(ReadOnlySpan<byte> data);

    /// <summary>Flushes, renames, and returns the full paths of the files written, the entry point first.</summary>
    /// <param name="metadata">Free text for the file, known only now (errors of factors); null keeps the constructor's.
    /// Encoded it may not be longer than the constructor's, which room was made for.</param>
    IReadOnlyList<string> Complete(IReadOnlyDictionary<string, string>? metadata = null);
}
