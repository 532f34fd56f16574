namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>A tensor as the pickle describes it: a view of a storage.</summary>
/// <param name="Element">Element type.</param>
/// <param name="Storage">Where the values are; null where it has none.</param>
/// <param name="Offset">First element, counted in the storage.</param>
/// <param name="Sizes">Shape.</param>
/// <param name="Strides">Elements from one index to the next, a number a dimension.</param>
internal sealed record TorchTensor(TorchElement Element, TorchStorage? Storage, long Offset, long[] Sizes, long[] Strides)
{
    /// <summary>Whether training changes it, where the file says so.</summary>
    public bool? Trainable { get; init; }

    /// <summary>Why the values cannot be handed out as they lie; null where they can.</summary>
    public string? Unreadable { get; init; }
}
