using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>Every way to make a convolution a chain. A new one is a class and a line here.</summary>
public static class ConvolutionMethods
{
    /// <summary>The methods. The first takes every kernel, a 1 x 1 one too.</summary>
    public static IReadOnlyList<ConvolutionMethod> All { get; } = [new PairConvolution(), new TuckerConvolution(), new CpConvolution(), new SpatialConvolution()];

    /// <summary>The method of a name.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: there is none.</exception>
    public static ConvolutionMethod Find(string name) => TryFind(name)
        ?? throw DecompositionOptions.Invalid($"There is no convolution chain '{name}'.", $"Choose one of {string.Join(", ", All.Select(m => m.Name))}.");

    /// <summary>The method of a name; null where there is none.</summary>
    public static ConvolutionMethod? TryFind(string name) => All.FirstOrDefault(m => m.Name.Equals(name, StringComparison.Ordinal));

    /// <summary>The method for a kernel: the one that is named, or the pair for kernels that it does not take.</summary>
    /// <param name="name">Name of a method.</param>
    /// <param name="kernel">Shape of the kernel.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public static ConvolutionMethod For(string name, KernelShape kernel) => Find(name) is { } method && method.Takes(kernel) ? method : All[0];
}
