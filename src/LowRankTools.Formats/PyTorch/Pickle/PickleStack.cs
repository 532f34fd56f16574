namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>The stack and the memo of the pickle machine. What is below the last mark cannot be reached.</summary>
internal sealed class PickleStack
{
    private readonly List<object> _values = [];
    private readonly List<int> _marks = [];
    private readonly List<object?> _memo = [];

    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    public object Top
    {
        get
        {
            if (_values.Count <= Floor)
                throw Underflow();
            return _values[^1];
        }
    }

    public void Push(object value) => _values.Add(value);

    public object Pop()
    {
        object top = Top;
        _values.RemoveAt(_values.Count - 1);
        return top;
    }

    /// <summary>POP, which Python lets take a mark away as well.</summary>
    public void Drop()
    {
        if (_marks.Count > 0 && _marks[^1] == _values.Count)
            _marks.RemoveAt(_marks.Count - 1);
        else
            Pop();
    }

    public void Mark() => _marks.Add(_values.Count);

    /// <summary>Everything above the last mark, and the mark.</summary>
    public object[] PopToMark()
    {
        if (_marks.Count == 0)
            throw Underflow();
        int floor = Floor;
        if (floor == _values.Count)
        {
            _marks.RemoveAt(_marks.Count - 1);
            return [];
        }
        object[] items = new object[_values.Count - floor];
        _values.CopyTo(floor, items, 0, items.Length);
        _values.RemoveRange(floor, items.Length);
        _marks.RemoveAt(_marks.Count - 1);
        return items;
    }

    public object[] Pop(int count)
    {
        object[] items = new object[count];
        for (int i = count - 1; i >= 0; i--)
            items[i] = Pop();
        return items;
    }

    public void Memoize() => _memo.Add(Top);

    /// <summary>Remembers the top. Indices are dense in every pickle that a pickler writes.</summary>
    public void Put(uint index, int operations)
    {
        if (index >= (uint)operations)
            throw new ModelFormatException(FormatErrors.PickleInvalid, $"The pickle remembers a value under the number {index}, far beyond its own length.");
        while (_memo.Count <= (int)index)
            _memo.Add(null);
        _memo[(int)index] = Top;
    }

    public void Get(uint index) =>
        Push((index < (uint)_memo.Count ? _memo[(int)index] : null)
            ?? throw new ModelFormatException(FormatErrors.PickleInvalid, $"The pickle asks for value {index}, which it has not remembered."));

    private static ModelFormatException Underflow() =>
        new(FormatErrors.PickleInvalid, "The pickle takes more values than it made.");
}
