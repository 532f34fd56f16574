using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions;

/// <summary>
/// A tensor as a product of smaller ones: which method found it, the ranks, the factors under their names, what it costs and how far it
/// is from the tensor. Owns its factors.
/// </summary>
public abstract class Decomposition : IDisposable
{
    private protected Decomposition(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors)
    {
        Shape = [.. shape];
        Ranks = [.. ranks];
        Factors = factors;
    }

    /// <summary>Name of the method, which <see cref="DecompositionMethods.Find"/> takes.</summary>
    public abstract string Method { get; }

    /// <summary>Shape of the dense tensor.</summary>
    public IReadOnlyList<int> Shape { get; }

    /// <summary>The rank or the ranks; each method says what of.</summary>
    public IReadOnlyList<int> Ranks { get; }

    /// <summary>The factors, in the order in which they are multiplied.</summary>
    public IReadOnlyList<NamedFactor> Factors { get; }

    /// <summary>Entries of all factors.</summary>
    public long ParameterCount => Factors.Sum(f => (long)f.Values.Length);

    /// <summary>||X - X'|| / ||X|| in Frobenius norms, X' being <see cref="ToDense"/>; 0 for a tensor of zeros.</summary>
    public double RelativeError { get; internal set; }

    /// <summary>Sweeps that an iterative method made; 0 for a direct one.</summary>
    public int Iterations { get; internal init; }

    /// <summary>Whether an iterative method came to rest before its sweeps were used up; true for a direct one.</summary>
    public bool Converged { get; internal init; } = true;

    /// <summary>Multiplies the factors out.</summary>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public abstract Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default);

    /// <summary>||X - X'|| / ||X|| against a tensor, entry by entry: exact to rounding also where norms would cancel.</summary>
    /// <param name="tensor">X.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public double ErrorAgainst(Tensor tensor, ComputeOptions? options = null, CancellationToken ct = default)
    {
        if (!tensor.Shape.SequenceEqual(Shape))
            throw TensorShapes.Mismatch($"{TensorShapes.Text([.. tensor.Shape])} was not decomposed into {TensorShapes.Text([.. Shape])}.");
        using Tensor dense = ToDense(options, ct);
        double norm = tensor.SquaredNorm();
        return norm == 0 ? 0 : Math.Sqrt(Sums.OfSquaredDifferences(tensor.Values, dense.Values) / norm);
    }

    /// <summary>Frees the factors.</summary>
    public void Dispose()
    {
        foreach (NamedFactor factor in Factors)
            factor.Values.Dispose();
        GC.SuppressFinalize(this);
    }
}
