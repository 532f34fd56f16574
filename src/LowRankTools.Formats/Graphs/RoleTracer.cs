using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Graphs;

/// <summary>
/// Finds the role of a weight: follows it through casts, transpositions and the like to the operations that use it,
/// and of several uses takes the one that says most.
/// </summary>
/// <param name="meaning">What an operation of the graph's dialect says of its input.</param>
internal sealed class RoleTracer(Func<GraphUse, GraphWeight, UseMeaning> meaning)
{
    /// <summary>Uses that are looked at for one weight: a guard, real weights have a handful.</summary>
    private const int MostUses = 1024;
    private const int MostSteps = 16;

    /// <summary>Strongest first. A tied token embedding is also a matrix product's operand, and is an embedding.</summary>
    private static readonly TensorRole[] s_strength =
    [
        TensorRole.Embedding, TensorRole.Recurrent, TensorRole.Convolution, TensorRole.ConvolutionChannelsLast,
        TensorRole.TransposedConvolution, TensorRole.TransposedConvolutionChannelsLast, TensorRole.MatMulRight, TensorRole.LinearWeight, TensorRole.Normalization, TensorRole.Bias, TensorRole.Buffer,
    ];

    /// <summary>The role of a weight.</summary>
    public TensorRole Find(GraphValue value, GraphWeight weight)
    {
        HashSet<TensorRole> found = [];
        int left = MostUses;
        Follow(value, weight, WeightLayout.Stored, 0, ref left, found);
        // Whole numbers that no operation takes for weights are shapes, axes and indices.
        TensorRole otherwise = weight.DType.IsFloat() || weight.DType is TensorDType.C64 or TensorDType.C128 ? TensorRole.Unknown : TensorRole.Buffer;
        return Array.Find(s_strength, found.Contains) is var role && role != TensorRole.Unknown ? role : otherwise;
    }

    private void Follow(GraphValue value, GraphWeight weight, WeightLayout layout, int step, ref int left, HashSet<TensorRole> found)
    {
        if (step > MostSteps)
            return;
        foreach (GraphUse use in value.Uses)
        {
            if (--left < 0)
                return;
            if (use.Input < use.Node.Called.Count)
                Follow(use.Node.Called[use.Input], weight, layout, step + 1, ref left, found);
            UseMeaning says = meaning(use, weight);
            if (says.HandedOn is { } next && use.Node.Output is { } output)
                Follow(output, weight, Then(layout, next), step + 1, ref left, found);
            else
                found.Add(In(layout, says.Role));
        }
    }

    private static WeightLayout Then(WeightLayout first, WeightLayout second) => (first, second) switch
    {
        (WeightLayout.Stored, _) => second,
        (_, WeightLayout.Stored) => first,
        (WeightLayout.Swapped, WeightLayout.Swapped) => WeightLayout.Stored,
        _ => WeightLayout.Other,
    };

    /// <summary>The role of the stored tensor, when an operation gives <paramref name="role"/> to what became of it.</summary>
    private static TensorRole In(WeightLayout layout, TensorRole role) => (layout, role) switch
    {
        (WeightLayout.Stored, _) => role,
        (_, TensorRole.Bias or TensorRole.Normalization or TensorRole.Recurrent or TensorRole.Buffer) => role,
        (WeightLayout.Swapped, TensorRole.MatMulRight) => TensorRole.LinearWeight,
        (WeightLayout.Swapped, TensorRole.LinearWeight) => TensorRole.MatMulRight,
        (WeightLayout.FromChannelsLast, TensorRole.Convolution) => TensorRole.ConvolutionChannelsLast,
        (WeightLayout.FromChannelsLast, TensorRole.TransposedConvolution) => TensorRole.TransposedConvolutionChannelsLast,
        _ => TensorRole.Unknown,
    };
}
