namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// What the values of one pickle may take in memory: in proportion to the bytes that they are read from. One byte can
/// make a container, and five can copy a long list that was remembered, so the length of the input alone bounds nothing.
/// </summary>
/// <remarks>
/// Costs are those of a 64-bit process, with growth. A container also pays for being followed by <see cref="TorchGraph"/>.
/// A tensor of a state dict takes about 200 bytes of pickle and 1,100 of memory, of which most are soon given back.
/// </remarks>
internal sealed class PickleBudget(PickleInput input)
{
    /// <summary>Bytes that every pickle may spend.</summary>
    public const long Floor = 32L << 20;

    /// <summary>Bytes to spend for each byte that was read; byte strings that are stepped over do not count.</summary>
    public const int Multiple = 24;

    private const long Followed = 64, Entry = 64, FirstEntry = 216, Item = 16, FirstItem = 88;

    private readonly long _start = input.BytesRead;
    private long _spent;

    /// <summary>A number that is no small one.</summary>
    public void Number() => Spend(24);

    /// <summary>A text, or an integer of as many bytes.</summary>
    public void Text(int length) => Spend(24 + 2L * length);

    /// <summary>A tuple.</summary>
    public void Tuple(int items) => Spend(Followed + 48 + 8L * items);

    /// <summary>A list or dict with nothing in it yet.</summary>
    public void Empty() => Spend(Followed + 24);

    /// <summary>Items that a list is given.</summary>
    public void Items(PickleList list, int count) => Spend((list.Items.Count == 0 ? FirstItem : 0) + Item * count);

    /// <summary>Entries that a dict is given.</summary>
    public void Entries(PickleDict dict, int count) => Spend((dict.Entries.Count == 0 ? FirstEntry : 0) + Entry * count);

    /// <summary>What <see cref="TorchObjects"/> made: a dict may be a copy of another, and a tensor of its sizes.</summary>
    public void Made(object value) => Spend(value switch
    {
        TorchTensor tensor => 128 + 16L * tensor.Sizes.Length,
        TorchStorage or TorchFault => 64,
        PickleDict dict => Followed + 24 + (dict.Entries.Count == 0 ? 0 : FirstEntry + Entry * dict.Entries.Count),
        PickleObject or PickleList => Followed + 56,
        _ => 0,
    });

    private void Spend(long bytes)
    {
        _spent += bytes;
        if (_spent <= Floor)
            return;
        long read = input.BytesRead - _start;
        if (_spent > Floor + Multiple * read)
        {
            throw new ModelFormatException(FormatErrors.PickleInvalid, $"The first {read} bytes of the pickle make {_spent >> 20} MB of values, which no model needs.",
                remedy: "Do not load this file with Python. Get the model from a source you trust, best as safetensors.");
        }
    }
}
