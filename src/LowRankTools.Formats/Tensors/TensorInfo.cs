using System.Collections.Immutable;

namespace LowRankTools.Formats.Tensors;

/// <summary>
/// One tensor as the file's header describes it. Nothing of its values has been read.
/// </summary>
public sealed class TensorInfo
{
    private readonly TensorDType? _storedType;
    private readonly long? _storedBytes;
    private StorageSpan? _storage;
    private TensorRole _role;

    /// <summary>Describes a tensor.</summary>
    /// <param name="name">Name in the file; unique within one model.</param>
    /// <param name="dtype">Element type.</param>
    /// <param name="shape">Sizes, slowest first (C order), as PyTorch prints them; empty for a scalar.</param>
    /// <param name="source">Where the bytes come from.</param>
    /// <exception cref="ModelFormatException"><c>ShapeOverflow</c>: the sizes are negative or their product overflows.</exception>
    public TensorInfo(string name, TensorDType dtype, ImmutableArray<long> shape, ITensorSource source)
    {
        Name = name;
        DType = dtype;
        Shape = shape;
        Source = source;
        ElementCount = TensorShape.ElementCount(shape, name);
        ByteLength = TensorShape.ByteLength(dtype, ElementCount, name);
    }

    /// <summary>A matrix seen the other way: its values are turned in memory when they are read, from first to last.</summary>
    /// <exception cref="InvalidOperationException">It is no matrix of whole bytes, or one of more than 2 GiB.</exception>
    public TensorInfo Transposed() => Shape.Length == 2 && DType.BlockElements() == 1 && ByteLength <= int.MaxValue
        ? new TensorInfo(Name, DType, [Shape[1], Shape[0]], new TransposedSource(this)) : throw new InvalidOperationException($"'{Name}' cannot be turned in memory.");

    /// <summary>Name in the file.</summary>
    public string Name { get; }

    /// <summary>Element type.</summary>
    public TensorDType DType { get; }

    /// <summary>Sizes, slowest first; empty for a scalar.</summary>
    public ImmutableArray<long> Shape { get; }

    /// <summary>Product of the sizes; one for a scalar.</summary>
    public long ElementCount { get; }

    /// <summary>Bytes of all elements, contiguous.</summary>
    public long ByteLength { get; }

    /// <summary>Where the bytes come from: always contiguous, C order, little-endian, <see cref="ByteLength"/> long.</summary>
    public ITensorSource Source { get; }

    /// <summary>What the file itself says of the tensor's use.</summary>
    public TensorRole Role { get => _role; init => _role = value; }

    /// <summary>Whether training changes it, where the file says so (PyTorch's Parameter objects).</summary>
    public bool? Trainable { get; init; }

    /// <summary>
    /// Identity of the storage that the tensor looks into, where tensors may share one (PyTorch); else null.
    /// </summary>
    public StorageSpan? Storage { get => _storage; init => _storage = value; }

    /// <summary>Element type that lies in the file: another one than <see cref="DType"/> where levels and scales stand for the values.</summary>
    public TensorDType StoredType { get => _storedType ?? DType; init => _storedType = value; }

    /// <summary>Bytes that lie in the file: fewer than <see cref="ByteLength"/> where levels and scales stand for the values.</summary>
    public long StoredBytes { get => _storedBytes ?? ByteLength; init => _storedBytes = value; }

    /// <summary>The same tensor in a use that somebody else knows of.</summary>
    public TensorInfo As(TensorRole role)
    {
        TensorInfo used = (TensorInfo)MemberwiseClone();
        used._role = role;
        return used;
    }

    /// <summary>The same tensor as a part of a model in shards, each of which names its storages from zero on.</summary>
    internal TensorInfo InShard(string shard)
    {
        if (_storage is not { } span)
            return this;
        TensorInfo part = (TensorInfo)MemberwiseClone();
        part._storage = span with { Key = $"{shard}: {span.Key}" };
        return part;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {DType} [{string.Join(", ", Shape)}]";
}

/// <summary>The part of a shared storage that a tensor covers.</summary>
/// <param name="Key">Name of the storage, unique in the model.</param>
/// <param name="FirstElement">Lowest element index that the tensor touches.</param>
/// <param name="EndElement">One past the highest element index that the tensor touches.</param>
public readonly record struct StorageSpan(string Key, long FirstElement, long EndElement);
