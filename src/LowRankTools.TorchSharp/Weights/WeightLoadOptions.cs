namespace LowRankTools.TorchSharp.Weights;

/// <summary>How weights of a file are put into a module.</summary>
public sealed record WeightLoadOptions
{
    /// <summary>Whether everything has to fit; otherwise what fits is loaded.</summary>
    public bool Strict { get; init; } = true;

    /// <summary>Turns the file's name of a tensor into the module's; null leaves that tensor out. By default names stay.</summary>
    public Func<string, string?> Rename { get; init; } = name => name;
}
