namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>Python's None.</summary>
internal sealed class PickleNone
{
    public static readonly PickleNone Instance = new();

    private PickleNone()
    {
    }
}

/// <summary>A value that holds no tensors and whose content does not matter: byte strings, overlong texts and integers.</summary>
internal sealed class PickleOpaque
{
    public static readonly PickleOpaque Instance = new();

    private PickleOpaque()
    {
    }
}

/// <summary>A tuple, or a frozen set.</summary>
internal sealed class PickleTuple(params object[] items)
{
    public static readonly PickleTuple Empty = new();

    public object[] Items { get; } = items;
}

/// <summary>A list or a set.</summary>
internal sealed class PickleList
{
    private List<object>? _items;

    public IReadOnlyList<object> Items => _items is null ? [] : _items;

    public void Add(object item) => (_items ??= []).Add(item);
}

/// <summary>A dict, in the order of insertion; the last value of a key wins, as in Python.</summary>
internal sealed class PickleDict
{
    private OrderedDictionary<object, object>? _entries;

    public IReadOnlyCollection<KeyValuePair<object, object>> Entries => _entries is null ? [] : _entries;

    public void Set(object key, object value) => (_entries ??= new(PickleKeys.Comparer))[key] = value;

    public object? Get(string key) => _entries is not null && _entries.TryGetValue(key, out object? value) ? value : null;
}

/// <summary>The name of a class or function. It is only ever a name: nothing is looked up or called.</summary>
/// <param name="Module">Dotted module.</param>
/// <param name="Name">Name inside the module.</param>
internal sealed record PickleGlobal(string Module, string Name)
{
    public string FullName => $"{Module}.{Name}";
}

/// <summary>
/// What a class that is not known here would have been built from: never built, only kept so that tensors in it
/// can be found.
/// </summary>
/// <param name="type">The class or function.</param>
/// <param name="arguments">What it would have been called with.</param>
internal sealed class PickleObject(PickleGlobal? type, PickleTuple arguments)
{
    public PickleGlobal? Type { get; } = type;

    public PickleTuple Arguments { get; } = arguments;

    /// <summary>What <c>__setstate__</c> would have been given.</summary>
    public object? State { get; set; }

    /// <summary>Entries, where the class is a kind of dict.</summary>
    public PickleDict? Entries { get; set; }

    /// <summary>Elements, where the class is a kind of list or set.</summary>
    public PickleList? Elements { get; set; }
}
