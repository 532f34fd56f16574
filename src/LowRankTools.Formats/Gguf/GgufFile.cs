using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf;

/// <summary>
/// One GGUF file of version 2 or 3. Shapes are given as PyTorch has them: the file's dimensions reversed, so a
/// linear weight is (out, in) and every row is a whole number of quantisation blocks.
/// </summary>
public sealed class GgufFile : SingleTensorFile
{
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
        : base(file) => (_header, _tensors) = ReadOrClose(() =>
        {
            GgufHeader header = GgufHeader.Read(file);
            return (header, header.Entries.Select(Describe).ToArray());
        });

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

    private TensorInfo Describe(GgufHeader.Entry entry) =>
        new(entry.Name, entry.DType, entry.Shape, new FileRegion(Source, entry.Start, entry.Bytes))
        {
            Role = GgufRoles.Find(entry.Name, entry.Shape.Length),
        };
}
