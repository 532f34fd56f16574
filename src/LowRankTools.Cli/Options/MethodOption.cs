using System.CommandLine;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning.Candidates;

namespace LowRankTools.Cli.Options;

/// <summary><c>--method</c>: what weights become, and <c>--mode-split</c>.</summary>
internal static class MethodOption
{
    public static Option<string?> Create() => SharedOptions.Choice("--method", "What weights become: convolutions chains of smaller ones, or, by tensortrain, matrices TT-matrices, by pivoted pairs in fewer numbers; without it matrices become pairs and convolutions stay as they are.", Enum.GetNames<FactorMethod>());

    public static Option<IReadOnlyList<int>[]> Splits() => SharedOptions.List("--mode-split", "Modes that tensortrain splits a size into, with commas between sizes: 4x8x8x4 for 1024; other sizes are split evenly.", "modes", ModeSplits.Parse);

    public static Option<string[]> Transposed() => new("--transposed-convolution")
    {
        Description = "Kernels whose name matches this pattern of * and ? are those of transposed convolutions, which a state dict does not tell; repeatable.",
        HelpName = "pattern",
    };

    public static FactorMethod? Choice(string? name) => name is null ? null : Enum.Parse<FactorMethod>(name, ignoreCase: true);
}
