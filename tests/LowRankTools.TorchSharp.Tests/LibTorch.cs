namespace LowRankTools.TorchSharp.Tests;

/// <summary>Tests that count live tensors, which are one number for the process, and so run one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LibTorch
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "libtorch";
}
