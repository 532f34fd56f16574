namespace LowRankTools.Networks.Architectures;

/// <summary>Ids of what can be wrong with the description of a network or with its input. Stable: scripts test for them.</summary>
public static class NetworkConfigErrors
{
    /// <summary>A size is out of bounds, or sizes contradict each other.</summary>
    public const string ConfigInvalid = nameof(ConfigInvalid);

    /// <summary>There is no configuration of that name.</summary>
    public const string PresetUnknown = nameof(PresetUnknown);

    /// <summary>A network is given what it does not read: unknown tokens, too many of them, an image of another size.</summary>
    public const string InputInvalid = nameof(InputInvalid);
}
