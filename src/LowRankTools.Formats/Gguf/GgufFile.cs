namespace LowRankTools.Formats;

/// <summary>
/// One GGUF file of version 2 or 3. Shapes are given as PyTorch has them: the file's dimensions reversed, so a
/// linear weight is (out, in) and every row is a whole number of quantisation blocks.
/// </summary>
public sealed class GgufFile : TensorFile
{
    private readonly RandomAccessSource _file;
    private readonly GgufHeader _header;
    private readonly TensorInfo[] _tensors;

    /// <summary>Opens a file and reads its header; long arrays in it are passed over.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException">The header is damaged, does not fit the file, or is of another version.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public GgufFile(string path)
        : this(new ModelFileHandle(path))
    {
    }

    /// <summary>Reads the header of what is open already.</summary>
    /// <param name="file">Owned from here on, also where reading fails.</param>
    /// <exception cref="ModelFormatException">The header is damaged, does not fit the file, or is of another version.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal GgufFile(RandomAccessSource file)
    {
        _file = file;
        try
        {
            _header = GgufHeader.Read(_file);
            _tensors = [.. _header.Entries.Select(Describe)];
        }
        catch (Exception e)
        {
            _file.Dispose();
            if (e is ModelFormatException { File: null } known)
                throw known.In(file.Path);
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.Gguf;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Where every key-value lies, in the order of the file.</summary>
    internal IReadOnlyList<GgufKeyValue> KeyValues => _header.KeyValues;

    /// <summary>Tensors begin at multiples of this.</summary>
    internal uint Alignment => _header.Alignment;

    /// <summary>The file itself, for key-values that are copied as they are.</summary>
    internal RandomAccessSource Source => _file;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [_file.Path];

    /// <inheritdoc/>
    public override long FileBytes => _file.Length;

    /// <inheritdoc/>
    public override RemoteTransfer? Transfer => _file.Transfer;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();

    private TensorInfo Describe(GgufHeader.Entry entry) =>
        new(entry.Name, entry.DType, entry.Shape, new FileRegion(_file, entry.Start, entry.Bytes))
        {
            Role = GgufRoles.Find(entry.Name, entry.Shape.Length),
        };
}
