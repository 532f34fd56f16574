using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Graphs;

/// <summary>Uses whose meaning depends on the operands around them: products, sums, scalings, transpositions.</summary>
internal static class OperandMeaning
{
    /// <summary>An operand of a matrix product x W (right) or W x (left).</summary>
    public static UseMeaning Product(GraphNode node, bool isLeft, GraphWeight weight)
    {
        if (weight.Rank < 2 || (isLeft && weight.Rank > 2))
            return UseMeaning.Nothing;
        bool isOutIn = isLeft ? !node.TransposeLeft : node.TransposeRight;
        return UseMeaning.Is(isOutIn ? TensorRole.LinearWeight : TensorRole.MatMulRight);
    }

    /// <summary>A transposition with known axes.</summary>
    public static UseMeaning Transposed(long[]? permutation, int rank)
    {
        if (rank == 2 && permutation is null or [1, 0])
            return UseMeaning.HandsOn(WeightLayout.Swapped);
        if (permutation is null || permutation.Length != rank)
            return UseMeaning.HandsOn(WeightLayout.Other);
        if (rank > 2 && permutation.AsSpan().SequenceEqual(ChannelsFirst(rank)))
            return UseMeaning.HandsOn(WeightLayout.FromChannelsLast);
        bool leadingStay = true;
        for (int i = 0; i < rank - 2; i++)
            leadingStay &= permutation[i] == i;
        if (leadingStay && rank >= 2 && permutation[^1] == rank - 2)
            return UseMeaning.HandsOn(WeightLayout.Swapped);
        return UseMeaning.HandsOn(leadingStay ? WeightLayout.Stored : WeightLayout.Other);
    }

    /// <summary>A summand: a bias, or the shift of a normalisation that is spelled out.</summary>
    /// <param name="use">The addition.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="isProduct">Whether an operation is a matrix product or a convolution.</param>
    public static UseMeaning Summand(GraphUse use, GraphWeight weight, Func<string, bool> isProduct)
    {
        if (!weight.DType.IsFloat())
            return UseMeaning.Is(TensorRole.Buffer);
        GraphNode? other = Other(use);
        if (weight.IsSingle)
            return UseMeaning.Is(weight.Rank > 0 && other is not null && isProduct(other.Op) ? TensorRole.Bias : TensorRole.Buffer);
        if (!weight.IsVector)
            return UseMeaning.Nothing;
        bool isShift = other is { Op: "Mul" } && other.Inputs.Any(i => IsNormalised(Producer(i)));
        return UseMeaning.Is(isShift ? TensorRole.Normalization : TensorRole.Bias);
    }

    /// <summary>A factor: the scale of a normalisation that is spelled out, or a plain number.</summary>
    public static UseMeaning Factor(GraphUse use, GraphWeight weight)
    {
        if (!weight.DType.IsFloat() || weight.IsSingle)
            return UseMeaning.Is(TensorRole.Buffer);
        return weight.IsVector && Other(use) is { } other && (other.Op == "Rsqrt" || IsNormalised(other))
            ? UseMeaning.Is(TensorRole.Normalization)
            : UseMeaning.Nothing;
    }

    /// <summary>An operand of some other arithmetic: epsilons, exponents, limits.</summary>
    public static UseMeaning Number(GraphWeight weight) =>
        weight.IsSingle ? UseMeaning.Is(TensorRole.Buffer) : UseMeaning.Nothing;

    /// <summary>x / sqrt(v), or x times 1 / sqrt(v), in the spellings of exporters.</summary>
    private static bool IsNormalised(GraphNode? node) => node?.Op switch
    {
        "Div" => node.Inputs.Count == 2 && Producer(node.Inputs[1])?.Op == "Sqrt",
        "Mul" => node.Inputs.Any(i => Producer(i) is { } p && (p.Op is "Rsqrt" or "Reciprocal" || IsInverseRoot(p))),
        _ => false,
    };

    private static bool IsInverseRoot(GraphNode node) =>
        node.Op == "Div" && node.Inputs.Count == 2 && Producer(node.Inputs[1])?.Op == "Sqrt";

    private static GraphNode? Other(GraphUse use) =>
        use.Node.Inputs.Count == 2 ? Producer(use.Node.Inputs[1 - use.Input]) : null;

    /// <summary>The operation that made a value, casts left out.</summary>
    private static GraphNode? Producer(GraphValue? value)
    {
        GraphNode? node = value?.Producer;
        for (int step = 0; step < 4 && node is { Op: "Cast" or "Identity", Inputs.Count: > 0 }; step++)
            node = node.Inputs[0]?.Producer;
        return node;
    }

    /// <summary>(spatial..., in, out) to (out, in, spatial...).</summary>
    private static long[] ChannelsFirst(int rank) => [rank - 1, rank - 2, .. Enumerable.Range(0, rank - 2).Select(i => (long)i)];
}
