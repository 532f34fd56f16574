using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Layers;

/// <summary>Sizes of a tensor, slowest first, as one value: it equals, orders and hashes by its sizes, and reads as <c>512 x 2048</c>.</summary>
/// <remarks>No collection on purpose: PowerShell compares the elements of one and not the whole, so that nothing could be selected or grouped by it.</remarks>
[CollectionBuilder(typeof(Dimensions), nameof(Of)), JsonConverter(typeof(DimensionsConverter))]
public sealed class Dimensions : IEquatable<Dimensions>, IComparable<Dimensions>, IComparable
{
    private const string Scalar = "scalar";
    private readonly long[] _sizes;

    private Dimensions(ReadOnlySpan<long> sizes) => _sizes = sizes.ToArray();

    /// <summary>The sizes; none for a scalar.</summary>
    public IReadOnlyList<long> Sizes => _sizes.AsReadOnly();

    /// <summary>Number of sizes.</summary>
    [JsonIgnore]
    public int Count => _sizes.Length;

    /// <summary>One size.</summary>
    /// <exception cref="IndexOutOfRangeException">There is no such dimension.</exception>
    public long this[int dimension] => _sizes[dimension];

    /// <summary>Sizes as one value.</summary>
    public static Dimensions Of(ReadOnlySpan<long> sizes) => new(sizes);

    /// <summary>Reads <c>512 x 2048</c>, <c>512x2048</c>, <c>512</c> or <c>scalar</c>.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the text is no shape.</exception>
    public static Dimensions Parse(string text)
    {
        if (text.Trim().Equals(Scalar, StringComparison.OrdinalIgnoreCase))
            return new Dimensions([]);
        string[] parts = text.Split('x', 'X', '\u00D7');
        long[] sizes = new long[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!long.TryParse(parts[i].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i]))
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' is no shape.", "A shape is sizes with an x between them, such as 512 x 2048.");
        }
        return new Dimensions(sizes);
    }

    /// <summary>Sizes of a tensor in a file.</summary>
    public static implicit operator Dimensions(ImmutableArray<long> sizes) => new(sizes.AsSpan());

    /// <summary>Goes through the sizes.</summary>
    public IEnumerator<long> GetEnumerator() => Sizes.GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(Dimensions? other) => other is not null && _sizes.AsSpan().SequenceEqual(other._sizes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Dimensions);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (long size in _sizes)
            hash.Add(size);
        return hash.ToHashCode();
    }

    /// <summary>Fewer dimensions come first, then smaller sizes, the slowest dimension deciding.</summary>
    public int CompareTo(Dimensions? other) =>
        other is null ? 1 : Count != other.Count ? Count.CompareTo(other.Count) : _sizes.AsSpan().SequenceCompareTo(other._sizes);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="obj"/> is something else.</exception>
    public int CompareTo(object? obj) => obj switch
    {
        null => 1,
        Dimensions other => CompareTo(other),
        _ => throw new ArgumentException($"A shape cannot be compared with a {obj.GetType().Name}.", nameof(obj)),
    };

    /// <summary><c>512 x 2048</c>; <c>scalar</c> where there are no sizes.</summary>
    public override string ToString() => Count == 0 ? Scalar : string.Join(" x ", _sizes.Select(s => s.ToString(CultureInfo.InvariantCulture)));

    /// <inheritdoc cref="Equals(Dimensions)"/>
    public static bool operator ==(Dimensions? left, Dimensions? right) => Equals(left, right);

    /// <summary>The opposite of ==.</summary>
    public static bool operator !=(Dimensions? left, Dimensions? right) => !Equals(left, right);

    /// <inheritdoc cref="CompareTo(Dimensions)"/>
    public static bool operator <(Dimensions? left, Dimensions? right) => Order(left, right) < 0;

    /// <inheritdoc cref="CompareTo(Dimensions)"/>
    public static bool operator <=(Dimensions? left, Dimensions? right) => Order(left, right) <= 0;

    /// <inheritdoc cref="CompareTo(Dimensions)"/>
    public static bool operator >(Dimensions? left, Dimensions? right) => Order(left, right) > 0;

    /// <inheritdoc cref="CompareTo(Dimensions)"/>
    public static bool operator >=(Dimensions? left, Dimensions? right) => Order(left, right) >= 0;

    private static int Order(Dimensions? left, Dimensions? right) => left is null ? right is null ? 0 : -1 : left.CompareTo(right);
}
