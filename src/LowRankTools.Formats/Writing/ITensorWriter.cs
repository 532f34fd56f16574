namespace LowRankTools.Formats.Writing;

/// <summary>
/// Writes a model tensor by tensor, in any number of pieces each. All bytes go to temporary files beside the
/// target; they get their names by <see cref="TensorWriterExtensions.Complete"/>, or from the caller of <see cref="Finish"/>. Disposing before
/// that removes them.
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

    /// <summary>Ends the files and flushes them. They belong to the writer still and are deleted with it unless they are moved.</summary>
    /// <param name="metadata">Free text for the file, known only now (errors of factors); null keeps the constructor's.
    /// Encoded it may not be longer than the constructor's, which room was made for.</param>
    /// <returns>The files in the order in which they must get their names: the entry point, which makes a model of them, comes last.</returns>
    IReadOnlyList<PendingFile> Finish(IReadOnlyDictionary<string, string>? metadata = null);
}

/// <summary>What follows from the operations of a writer.</summary>
public static class TensorWriterExtensions
{
    /// <summary>Finishes, renames, and returns the full paths of the files written, the entry point first.</summary>
    /// <param name="writer">A writer that has got every tensor.</param>
    /// <param name="metadata">As <see cref="ITensorWriter.Finish"/> takes it.</param>
    /// <param name="replace">Whether files of those names give way.</param>
    /// <exception cref="IOException">A name is taken and <paramref name="replace"/> is false, or the disk refuses.</exception>
    public static IReadOnlyList<string> Complete(this ITensorWriter writer, IReadOnlyDictionary<string, string>? metadata = null, bool replace = true)
    {
        IReadOnlyList<PendingFile> files = writer.Finish(metadata);
        foreach (PendingFile file in files)
            file.File.MoveTo(file.Path, replace);
        return [files[^1].Path, .. files.SkipLast(1).Select(f => f.Path)];
    }
}
