using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Layers;

/// <summary>
/// A way to have smaller factors in place of a layer's weight, under names of their own in the state dict. A method says which weights it
/// takes, how many ranks there are and how large they may be, which factors they make, which ranks a number of parameters or an error allows,
/// finds the factors and multiplies them out again. Plans, files, merging and networks ask it; a new one is a class and a line in
/// <see cref="LayerMethods"/>.
/// </summary>
public abstract class LayerMethod
{
    /// <summary>Name, as it stands in files and, up to a bracket, on command lines.</summary>
    public abstract string Name { get; }

    /// <summary>What stands for the weight, in a line.</summary>
    public abstract string Description { get; }

    /// <summary>Whether the method is for weights of this shape: kernels (outputs x channels x height x width) or matrices (outputs x inputs, or entries x features of an embedding).</summary>
    /// <param name="shape">Sizes of the weight, none of them zero.</param>
    public abstract bool Takes(IReadOnlyList<int> shape);

    /// <summary>Largest ranks that make sense, one for each rank of the method.</summary>
    /// <param name="shape">Sizes of a weight that it takes.</param>
    public abstract IReadOnlyList<int> MostRanks(IReadOnlyList<int> shape);

    /// <summary>The factors that ranks make, in the order in which they are applied, named as they stand behind the layer's name and a dot.</summary>
    /// <param name="shape">Sizes of a weight that it takes.</param>
    /// <param name="ranks">As many as <see cref="MostRanks"/>.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: there are none of these ranks.</exception>
    public abstract IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks);

    /// <summary>Name that the layer's bias then has behind the layer's name and a dot; null where it stays what it is.</summary>
    /// <param name="factors">Number of factors.</param>
    public virtual string? BiasName(int factors) => null;

    /// <summary>Largest ranks whose factors have at most so many parameters; the smallest ranks where even they have more.</summary>
    /// <param name="shape">Sizes of a weight that it takes.</param>
    /// <param name="parameters">Most entries.</param>
    public abstract IReadOnlyList<int> RanksWithin(IReadOnlyList<int> shape, double parameters);

    /// <summary>Ranks whose error is within a tolerance, the fewest that the method can tell.</summary>
    /// <param name="weight">W.</param>
    /// <param name="tolerance">Largest ||W - W'|| / ||W||, above 0 and below 1.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>The ranks; null where none that are smaller than the weight keep the tolerance.</returns>
    public abstract IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default);

    /// <summary>Error of every rank, entry r - 1 that at rank r, where one decomposition has all of them; null where each takes one of its own.</summary>
    /// <param name="weight">W.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public virtual IReadOnlyList<double>? AllErrors(Tensor weight, ComputeOptions options, CancellationToken ct = default) => null;

    /// <summary>Finds the factors.</summary>
    /// <param name="weight">W, of a shape that it takes.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>As many as <see cref="Factors"/> names and of its shapes, the caller's.</returns>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>, <c>NonFiniteValues</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public abstract IReadOnlyList<Tensor> Factorize(Tensor weight, IReadOnlyList<int> ranks, ComputeOptions options, IProgress<double>? progress = null, CancellationToken ct = default);

    /// <summary>Multiplies factors out.</summary>
    /// <param name="shape">Sizes of the weight.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="factors">Of the shapes that <see cref="Factors"/> says; they stay the caller's.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>W', the caller's.</returns>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public abstract Tensor Dense(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors, ComputeOptions? options = null, CancellationToken ct = default);

    /// <summary>Multiply-adds of one token through the factors, one after the other; null where they depend on more than the weight.</summary>
    /// <param name="shape">Sizes of the weight.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="isLookup">Whether a token is a row that is looked up.</param>
    public virtual long? MultiplyAdds(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, bool isLookup) => null;

    /// <summary>Entries of all factors.</summary>
    /// <param name="shape">Sizes of the weight.</param>
    /// <param name="ranks">The ranks.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public long Parameters(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => Factors(shape, ranks).Sum(f => f.Length);

    /// <summary>The ranks at one number for all of them, none above its own most.</summary>
    /// <param name="shape">Sizes of the weight.</param>
    /// <param name="rank">At least 1.</param>
    public IReadOnlyList<int> RanksOf(IReadOnlyList<int> shape, int rank) => [.. MostRanks(shape).Select(most => Math.Min(most, rank))];

    /// <summary>||W - W'|| / ||W||, W' the product of factors; 0 for a weight of zeros.</summary>
    /// <param name="weight">W.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="factors">The factors.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public double ErrorAgainst(Tensor weight, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors, ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Tensor dense = Dense([.. weight.Shape], ranks, factors, options, ct);
        double norm = weight.SquaredNorm();
        return norm == 0 ? 0 : Math.Sqrt(Sums.OfSquaredDifferences(weight.Values, dense.Values) / norm);
    }

    /// <summary>The method that a name stands for, which may say more than the method; null where it is another's.</summary>
    internal virtual LayerMethod? Named(string name) => name.Equals(Name, StringComparison.Ordinal) ? this : null;

    /// <summary>The method as it is for one weight where the user has split sizes into modes; itself where it has none, or none of them fits.</summary>
    /// <param name="shape">Sizes of the weight.</param>
    /// <param name="splits">Modes, each list multiplying to the size that it stands for.</param>
    public virtual LayerMethod SplitBy(IReadOnlyList<int> shape, IReadOnlyList<IReadOnlyList<int>> splits) => this;

    private protected static void RequireFinite(Tensor weight)
    {
        if (!double.IsFinite(weight.SquaredNorm()))
            throw new LowRankToolsException("NonFiniteValues", $"The {TensorShapes.Text([.. weight.Shape])} weight holds NaN or infinity.", "Repair or exclude this tensor.");
    }
}
