namespace LowRankTools.Formats;

/// <summary>
/// One file of <c>torch.save</c> or <c>torch.jit.save</c>. Its pickle is read as data: nothing in it is ever
/// imported, constructed or called.
/// </summary>
public sealed class PyTorchFile : TensorFile
{
    private readonly ModelFileHandle _file;
    private readonly List<TensorInfo> _tensors = [];

    /// <summary>Opens a file and reads its pickle; the values stay on the disk.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException"><c>ArchiveInvalid</c>, <c>ArchiveCompressed</c>, <c>PickleInvalid</c>,
    /// <c>HeaderTruncated</c>: damaged; <c>PickleGlobalRefused</c>: made to run code; <c>NoTensors</c>: no model.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public PyTorchFile(string path)
    {
        _file = new ModelFileHandle(path);
        try
        {
            TorchContents contents = StartsAsZip(_file) ? TorchArchive.Read(_file) : TorchLegacy.Read(_file);
            Metadata = contents.Metadata;
            Build(contents);
        }
        catch (ModelFormatException e)
        {
            _file.Dispose();
            if (e.File is not null)
                throw;
            throw e.In(path);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.PyTorch;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files => [Path];

    /// <inheritdoc/>
    public override long FileBytes => _file.Length;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();

    private void Build(TorchContents contents)
    {
        TorchTensorBuilder builder = new(_file, contents.Locate, contents.IsBigEndian);
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (NamedTensor named in contents.Tensors)
        {
            if (!names.Add(named.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Two tensors are called '{named.Name}'.", tensor: named.Name);
            _tensors.Add(builder.Build(named));
        }
        if (_tensors.Count == 0)
        {
            throw new ModelFormatException(FormatErrors.NoTensors, "The file holds no tensors.",
                remedy: "Save the model's state_dict with torch.save.");
        }
    }

    private static bool StartsAsZip(ModelFileHandle file)
    {
        Span<byte> head = stackalloc byte[2];
        return file.ReadUpTo(0, head) == head.Length && head.SequenceEqual("PK"u8);
    }
}
