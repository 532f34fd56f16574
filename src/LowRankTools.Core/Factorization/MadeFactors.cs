using System.Diagnostics;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Factorization;

/// <summary>The factors that stand for one weight by a method of layers, as they will be stored: every entry rounded to the type that is written.</summary>
internal sealed class MadeFactors : IDisposable
{
    /// <summary>The factors, (product of the leading sizes) x (last size), in the order in which they are applied.</summary>
    public required IReadOnlyList<Matrix<float>> Factors { get; init; }

    /// <summary>What was measured.</summary>
    public required MeasuredPair Measured { get; init; }

    /// <summary>Finds the factors of a weight.</summary>
    /// <param name="weight">W, as the method takes it.</param>
    /// <param name="choice">Method and ranks.</param>
    /// <param name="dtype">Type that they will be stored in.</param>
    /// <param name="format">Format that they will be stored in: it says in which order their sides are.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static MadeFactors Compute(Tensor weight, FactorChoice choice, TensorDType dtype, ModelFormat format, ComputeOptions options, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        LayerMethod method = LayerMethods.Find(choice.Method);
        IReadOnlyList<Tensor> made = method.Factorize(weight, choice.Numbers, options, null, cancellationToken);
        List<Matrix<float>> factors = [];
        try
        {
            foreach (Tensor factor in made)
            {
                factors.Add(LayerWeight.Single(factor));
                StoredType.Round(factors[^1], dtype);
                // The stored entries take the place of the computed ones, so that the error is theirs.
                ReadOnlySpan<float> stored = factors[^1].RowBlock(0, factors[^1].Rows);
                Span<double> computed = factor.Values;
                for (int i = 0; i < computed.Length; i++)
                    computed[i] = stored[i];
            }
            double error = method.ErrorAgainst(weight, choice.Numbers, made, options, cancellationToken);
            for (int i = 0; i < factors.Count; i++)
            {
                if (!LayerWeight.IsFactorTurned(made[i].Order, format))
                    continue;
                factors[i].Dispose();
                factors[i] = LayerWeight.Stored(made[i], turned: true);
            }
            return new MadeFactors { Factors = factors, Measured = new MeasuredPair(error, weight.SquaredNorm(), choice.Method, clock.Elapsed.TotalSeconds, null, null) };
        }
        catch
        {
            factors.ForEach(f => f.Dispose());
            throw;
        }
        finally
        {
            foreach (Tensor factor in made)
                factor.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Matrix<float> factor in Factors)
            factor.Dispose();
    }
}
