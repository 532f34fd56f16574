using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Expressions;

/// <summary>A tensor as the product of factors that an expression says. The ranks are the sizes of the letters that are summed over.</summary>
public sealed class ExpressionTensor : Decomposition
{
    internal ExpressionTensor(TensorExpression expression, IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors)
        : base(shape, ranks, factors) => Expression = expression;

    /// <summary>What is multiplied.</summary>
    public TensorExpression Expression { get; }

    /// <inheritdoc/>
    public override string Method => new ExpressionMethod(Expression).Name;

    /// <inheritdoc/>
    public override Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        Tensor[] terms = [.. Expression.Terms.Select(t => Factors.First(f => f.Name == t.Name).Values)];
        Dictionary<char, int> sizes = [];
        for (int term = 0; term < terms.Length; term++)
        {
            for (int k = 0; k < Expression.Terms[term].Modes.Length; k++)
                sizes[Expression.Terms[term].Modes[k]] = terms[term].Shape[k];
        }
        return ContractionPlan.Of([.. Expression.Terms.Select(t => t.Modes)], Expression.Output, c => sizes[c]).Run(terms, options ?? ComputeOptions.Default, ct);
    }
}
