namespace LowRankTools.Core.Adapters.Keys;

/// <summary>What a tensor is in a LoTR adapter.</summary>
internal enum LotrPart
{
    /// <summary>The factor of the outputs, which layers share.</summary>
    Left,
    /// <summary>A layer's own core.</summary>
    Core,
    /// <summary>The factor of the inputs, which layers share.</summary>
    Right,
    /// <summary>A number that the scale is made from, which layers share.</summary>
    Alpha,
}

/// <summary>
/// A tensor's name in a LoTR adapter, taken apart: <c>lotr_L.G</c>, <c>lotr_R.G</c> and <c>lotr_alpha.G</c> are those of the group G of layers of
/// one shape, <c>X.lotr_M.G</c> is the core of module X in it.
/// </summary>
/// <param name="Part">What the tensor is.</param>
/// <param name="Group">The group; its name says the shape, such as <c>64x32</c>.</param>
/// <param name="Module">The module that is adapted; empty for what is shared.</param>
internal readonly record struct LotrKey(LotrPart Part, string Group, string Module)
{
    private const string Left = "lotr_L.", Right = "lotr_R.", Alpha = "lotr_alpha.", Core = ".lotr_M.";

    /// <summary>Takes a name apart; null for a tensor of another kind.</summary>
    public static LotrKey? Of(string name)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0 || dot == name.Length - 1)
            return null;
        string group = name[(dot + 1)..], before = name[..(dot + 1)];
        return before switch
        {
            Left => new LotrKey(LotrPart.Left, group, ""),
            Right => new LotrKey(LotrPart.Right, group, ""),
            Alpha => new LotrKey(LotrPart.Alpha, group, ""),
            _ => before.Length > Core.Length && before.EndsWith(Core, StringComparison.Ordinal) ? new LotrKey(LotrPart.Core, group, before[..^Core.Length]) : null,
        };
    }

    /// <summary>The tensor's name.</summary>
    public override string ToString() => Part switch
    {
        LotrPart.Left => Left + Group,
        LotrPart.Right => Right + Group,
        LotrPart.Alpha => Alpha + Group,
        _ => Module + Core + Group,
    };
}
