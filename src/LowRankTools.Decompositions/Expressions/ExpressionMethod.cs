using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Decompositions.Expressions;

/// <summary>
/// Any product of factors that an expression says, <see cref="ExpressionTensor"/>, fitted by Adam from several random starts. Takes a rank for each letter that
/// is summed over, or one for all, and penalties for factors. Its name in files and on command lines is <c>Expression(ir,jr,kr->ijk)</c>.
/// </summary>
public sealed class ExpressionMethod : DecompositionMethod
{
    private const string Prefix = "Expression(";
    private const int Sweeps = 5000, TrialShare = 8;

    /// <summary>Creates the method of an expression.</summary>
    public ExpressionMethod(TensorExpression expression) => Expression = expression;

    /// <summary>What the tensor is fitted by.</summary>
    public TensorExpression Expression { get; }

    /// <inheritdoc/>
    public override string Name => $"{Prefix}{Expression})";

    /// <inheritdoc/>
    public override string Description => "Factors of an expression of einsum, by Adam: a rank for each letter that is summed over.";

    /// <inheritdoc/>
    public override int LeastOrder => Expression.Output.Length;

    /// <inheritdoc/>
    public override int MostOrder => Expression.Output.Length;

    /// <summary>The method that a name asks for; null where the name is another one's.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: what is in the brackets is no expression.</exception>
    public static ExpressionMethod? Of(string name) =>
        name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && name.EndsWith(')') ? new ExpressionMethod(TensorExpression.Parse(name[Prefix.Length..^1])) : null;

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options)
    {
        base.Check(options with { Modes = null });
        if (options.Modes is not null || options.Tolerance is not null || (options.Ranks is null && Expression.Inner.Length > 0))
            throw DecompositionOptions.Invalid($"{Name} takes ranks for '{Expression.Inner}', and neither modes nor a tolerance.", "Give ranks; the error that they reach is in the result.");
        if (options.Penalties?.Keys.FirstOrDefault(name => !Expression.Names.Contains(name)) is { } stranger)
            throw DecompositionOptions.Invalid($"{Name} has no factor '{stranger}'.", $"Its factors are {string.Join(", ", Expression.Names)}.");
    }

    /// <inheritdoc/>
    public override bool MayBeSmaller(IReadOnlyList<int> shape, DecompositionOptions options) =>
        Factors(shape, Ranks(options)).Sum(f => (double)f.Length) < shape.Aggregate(1.0, (product, size) => product * size);

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) =>
        shape.Concat(ranks).All(n => n >= 1) && Expression.Shapes(shape, ranks) is { } shapes ? shapes : throw NoSuch(shape, ranks);

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int[] ranks = Ranks(options);
        IReadOnlyList<FactorShape> shapes = Factors(tensor.Shape, ranks);
        int steps = options.MaxIterations ?? Sweeps;
        Tensor[]? best = null;
        double least = double.PositiveInfinity;
        // All starts run a while, and the best goes on to the end.
        for (int start = 0; start < options.Starts; start++)
        {
            ExpressionFit trial = new(Expression, tensor, shapes, options, ct);
            Tensor[] factors = trial.Start(shapes, options.Compute.Seed + (ulong)start);
            if (options.Starts > 1)
                trial.Run(factors, Math.Max(1, steps / TrialShare), null);
            if (best is null || trial.Loss < least)
                (best, factors, least) = (factors, best ?? [], trial.Loss);
            Array.ForEach(factors, f => f.Dispose());
            progress?.Report(0.5 * (start + 1) / options.Starts);
        }
        ExpressionFit fit = new(Expression, tensor, shapes, options, ct);
        fit.Run(best!, steps, part => progress?.Report(0.5 + (0.5 * part)));
        ExpressionTensor found = new(Expression, tensor.Shape, ranks, [.. shapes.Select((s, k) => new NamedFactor(s.Name, best![k]))]) { Iterations = fit.Steps, Converged = fit.Converged };
        found.RelativeError = found.ErrorAgainst(tensor, options.Compute, ct);
        return found;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new ExpressionTensor(Expression, shape, ranks, factors);

    private int[] Ranks(DecompositionOptions options) => Expression.Inner.Length == 0 ? [] : options.RanksFor(Expression.Inner.Length, $"letters, '{Expression.Inner}'");
}
