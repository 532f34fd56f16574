using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Graphs;

/// <summary>One operation of a model's graph, as far as the use of weights depends on it.</summary>
internal sealed class GraphNode(string op)
{
    public string Op => op;

    /// <summary>What it reads; null where an optional input is left out.</summary>
    public IReadOnlyList<GraphValue?> Inputs { get; set; } = [];

    /// <summary>The result that carries on what the first input was; null where there is none.</summary>
    public GraphValue? Output { get; set; }

    /// <summary>Axes of a transposition; null where the file does not give them here.</summary>
    public long[]? Permutation { get; init; }

    /// <summary>Whether a matrix product transposes its left operand.</summary>
    public bool TransposeLeft { get; init; }

    /// <summary>Whether a matrix product transposes its right operand.</summary>
    public bool TransposeRight { get; init; }

    /// <summary>Inputs of the function that is called, where the operation is a function of the same file.</summary>
    public IReadOnlyList<GraphValue> Called { get; set; } = [];
}

/// <summary>Something that flows in the graph: a weight, or the result of an operation.</summary>
internal sealed class GraphValue
{
    /// <summary>The operation that it is a result of; null for weights and inputs.</summary>
    public GraphNode? Producer { get; set; }

    /// <summary>Where it is read.</summary>
    public List<GraphUse> Uses { get; } = [];
}

/// <summary>One place where a value is read.</summary>
/// <param name="Node">The operation.</param>
/// <param name="Input">Which of its inputs.</param>
internal readonly record struct GraphUse(GraphNode Node, int Input);

/// <summary>What the meaning of an operation depends on besides the operation.</summary>
/// <param name="Shape">Sizes of the tensor as it is stored.</param>
/// <param name="DType">Its element type.</param>
internal readonly record struct GraphWeight(System.Collections.Immutable.ImmutableArray<long> Shape, TensorDType DType)
{
    public int Rank => Shape.Length;

    /// <summary>One element, whatever the number of axes.</summary>
    public bool IsSingle => Shape.All(size => size == 1);

    /// <summary>One axis that is longer than one: the shape of a bias, or of a bias prepared for broadcasting.</summary>
    public bool IsVector => Shape.Count(size => size != 1) == 1;
}
