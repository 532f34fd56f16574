using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Files;

/// <summary>A model that is one file and nothing beside it.</summary>
public abstract class SingleTensorFile : TensorFile
{
    /// <param name="file">Owned from here on, also where reading fails.</param>
    private protected SingleTensorFile(RandomAccessSource file) => Source = file;

    /// <inheritdoc/>
    public override string Path => Source.Path;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [Source.Path];

    /// <inheritdoc/>
    public override long FileBytes => Source.Length;

    /// <inheritdoc/>
    public override RemoteTransfer? Transfer => Source.Transfer;

    /// <summary>The file itself.</summary>
    internal RandomAccessSource Source { get; }

    /// <summary>Reads what opening needs. A file that cannot be read is closed, and its error names it.</summary>
    private protected T ReadOrClose<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e)
        {
            Source.Dispose();
            if (e is ModelFormatException { File: null } known)
                throw known.In(Source.Path);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => Source.Dispose();
}
