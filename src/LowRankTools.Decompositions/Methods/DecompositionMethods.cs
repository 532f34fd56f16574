using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Dedicom;
using LowRankTools.Decompositions.Expressions;
using LowRankTools.Decompositions.Indscal;
using LowRankTools.Decompositions.NonNegativeCp;
using LowRankTools.Decompositions.NonNegativeTucker;
using LowRankTools.Decompositions.Pca;
using LowRankTools.Decompositions.RandomizedCp;
using LowRankTools.Decompositions.RandomizedTucker;
using LowRankTools.Decompositions.Rescal;
using LowRankTools.Decompositions.RobustPca;
using LowRankTools.Decompositions.TensorRings;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Decompositions.TensorTrains;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Methods;

/// <summary>Every method that there is. A new one is a folder with its type and its algorithm, and a line here.</summary>
public static class DecompositionMethods
{
    /// <summary>The methods, in the order of their ages.</summary>
    public static IReadOnlyList<DecompositionMethod> All { get; } =
    [
        new TensorTrainMethod(),
        new TuckerMethod(),
        new CpMethod(),
        new NonNegativeCpMethod(),
        new TensorTrainMatrixMethod(),
        new TensorRingMethod(),
        new NonNegativeTuckerMethod(),
        new RandomizedTuckerMethod(),
        new RandomizedCpMethod(),
        new PcaMethod(),
        new RobustPcaMethod(),
        new RescalMethod(),
        new DedicomMethod(),
        new IndscalMethod(),
    ];

    /// <summary>The method of a name, without regard to case.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: there is none.</exception>
    public static DecompositionMethod Find(string name) =>
        ExpressionMethod.Of(name) ?? All.FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw DecompositionOptions.Invalid($"There is no decomposition '{name}'.", $"Choose one of {string.Join(", ", All.Select(m => m.Name))}.");
}
