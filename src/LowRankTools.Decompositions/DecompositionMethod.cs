using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Decompositions;

/// <summary>A way to decompose tensors, and to make tensors of its factors again. One object a method, listed in <see cref="DecompositionMethods"/>.</summary>
public abstract class DecompositionMethod
{
    /// <summary>Name, as it stands in files and on command lines.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, in a line.</summary>
    public abstract string Description { get; }

    /// <summary>Fewest modes that a tensor must have.</summary>
    public virtual int LeastOrder => 2;

    /// <summary>Most modes that a tensor may have.</summary>
    public virtual int MostOrder => int.MaxValue;

    /// <summary>Decomposes a tensor.</summary>
    /// <param name="tensor">X, of <see cref="LeastOrder"/> to <see cref="MostOrder"/> modes.</param>
    /// <param name="options">Ranks or a tolerance.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>NonFiniteValues</c>, <c>ShapesDoNotMatch</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Decomposition Decompose(Tensor tensor, DecompositionOptions options, IProgress<double>? progress = null, CancellationToken ct = default)
    {
        Check(options);
        if (tensor.Order < LeastOrder || tensor.Order > MostOrder || tensor.Length == 0)
            throw TensorShapes.Mismatch($"{Name} takes tensors of {LeastOrder} modes{(MostOrder == LeastOrder ? "" : " or more")}, none of them empty, and not {TensorShapes.Text([.. tensor.Shape])}.");
        if (options.MissingAsNaN ? !MissingEntries.LeaveNumbers(tensor) : !double.IsFinite(tensor.SquaredNorm()))
            throw new LowRankToolsException("NonFiniteValues", $"The {TensorShapes.Text([.. tensor.Shape])} tensor holds NaN or infinity.", "Repair or exclude this tensor.");
        return Compute(tensor, options, progress, ct);
    }

    /// <summary>Refuses options that this method cannot use, whatever the tensor.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public virtual void Check(DecompositionOptions options)
    {
        options.Validate();
        if (options.Modes is not null)
            throw DecompositionOptions.Invalid($"{Name} decomposes all modes.", "Only Tucker takes some of them.");
        if (options.MissingAsNaN && !TakesMissing)
            throw DecompositionOptions.Invalid($"{Name} needs all entries.", "Cp and NonNegativeCp fit those that are there.");
    }

    /// <summary>Whether factors may have fewer entries than the tensor: false only where shape and options alone rule it out.</summary>
    /// <param name="shape">Shape of the tensor.</param>
    /// <param name="options">What <see cref="Check"/> let pass.</param>
    public virtual bool MayBeSmaller(IReadOnlyList<int> shape, DecompositionOptions options) => true;

    /// <summary>Names and shapes of the factors, in order.</summary>
    /// <param name="shape">Shape of the tensor.</param>
    /// <param name="ranks">Ranks that a decomposition of it has.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: there is no decomposition of this shape and these ranks.</exception>
    public abstract IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks);

    /// <summary>The decomposition that consists of factors which were kept, such as in a file; it owns them then.</summary>
    /// <param name="shape">Shape of the tensor.</param>
    /// <param name="ranks">Its ranks.</param>
    /// <param name="factors">As many as <see cref="Factors"/> names, in its order and of its shapes.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public Decomposition Restore(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors)
    {
        IReadOnlyList<FactorShape> expected = Factors(shape, ranks);
        if (factors.Count != expected.Count || expected.Where((e, i) => !e.Shape.SequenceEqual(factors[i].Shape)).Any())
            throw TensorShapes.Mismatch($"The factors are not those of a {Name} decomposition of {TensorShapes.Text([.. shape])}.");
        return Make(shape, ranks, [.. expected.Select((e, i) => new NamedFactor(e.Name, factors[i]))]);
    }

    /// <summary>Whether entries may be missing.</summary>
    private protected virtual bool TakesMissing => false;

    private protected abstract Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct);

    private protected abstract Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors);

    private protected LowRankToolsException NoSuch(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) =>
        TensorShapes.Mismatch($"There is no {Name} decomposition of {TensorShapes.Text([.. shape])} with ranks {TensorShapes.Text([.. ranks])}.");
}
