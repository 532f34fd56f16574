using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.PyTorch;

/// <summary>
/// One file of <c>torch.save</c> or <c>torch.jit.save</c>. Its pickle is read as data: nothing in it is ever
/// imported, constructed or called.
/// </summary>
public sealed class PyTorchFile : SingleTensorFile
{
    private readonly List<TensorInfo> _tensors;

    /// <summary>Opens a file and reads its pickle; the values stay on the disk.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="ModelFormatException"><c>ArchiveInvalid</c>, <c>ArchiveCompressed</c>, <c>PickleInvalid</c>,
    /// <c>HeaderTruncated</c>: damaged; <c>PickleGlobalRefused</c>: made to run code; <c>NoTensors</c>: no model.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public PyTorchFile(string path)
        : this(new ModelFileHandle(path))
    {
    }

    private PyTorchFile(ModelFileHandle file)
        : base(file) => (Metadata, _tensors) = ReadOrClose(() =>
        {
            TorchContents contents = StartsAsZip(file) ? TorchArchive.Read(file) : TorchLegacy.Read(file);
            return (contents.Metadata, Build(file, contents));
        });

    /// <inheritdoc/>
    public override ModelFormat Format => ModelFormat.PyTorch;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    private static List<TensorInfo> Build(ModelFileHandle file, TorchContents contents)
    {
        TorchTensorBuilder builder = new(file, contents.Locate, contents.IsBigEndian);
        HashSet<string> names = new(StringComparer.Ordinal);
        List<TensorInfo> tensors = [];
        foreach (NamedTensor named in contents.Tensors)
        {
            if (!names.Add(named.Name))
                throw new ModelFormatException(FormatErrors.DuplicateTensor, $"Two tensors are called '{named.Name}'.", tensor: named.Name);
            tensors.Add(builder.Build(named));
        }
        if (tensors.Count == 0)
        {
            throw new ModelFormatException(FormatErrors.NoTensors, "The file holds no tensors.",
                remedy: "Save the model's state_dict with torch.save.");
        }
        return tensors;
    }

    private static bool StartsAsZip(ModelFileHandle file)
    {
        Span<byte> head = stackalloc byte[2];
        return file.ReadUpTo(0, head) == head.Length && head.SequenceEqual("PK"u8);
    }
}
