using System.Diagnostics;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Storage;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Pivoted;
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
        (IReadOnlyList<Matrix<float>> factors, double error) = Stored(method, made, weight, choice, dtype, format, options, cancellationToken);
        return new MadeFactors { Factors = factors, Measured = new MeasuredPair(error, weight.SquaredNorm(), choice.Method, clock.Elapsed.TotalSeconds, null, null) };
    }

    /// <summary>Writes a pair as rows and combinations of them; what was measured on a calibration stays, for the product does.</summary>
    /// <param name="pair">The pair.</param>
    /// <param name="weight">W, outputs x inputs.</param>
    /// <param name="choice">Pivoted, with the pair's rank.</param>
    /// <param name="dtype">Type that they will be stored in.</param>
    /// <param name="format">Format that they will be stored in.</param>
    /// <param name="options">Threads.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static MadeFactors OfPair(LayerFactors pair, Tensor weight, FactorChoice choice, TensorDType dtype, ModelFormat format, ComputeOptions options, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        PivotedLayer method = new();
        using Matrix<double> left = HostMatrix.Of(pair.Left.View), right = HostMatrix.Of(pair.Right.View);
        IReadOnlyList<Tensor> made = method.FromPair(left.View, right.View, options, cancellationToken);
        (IReadOnlyList<Matrix<float>> factors, double error) = Stored(method, made, weight, choice, dtype, format, options, cancellationToken);
        return new MadeFactors { Factors = factors, Measured = new MeasuredPair(error, pair.SquaredNorm, choice.Method, pair.Seconds + clock.Elapsed.TotalSeconds, pair.CalibratedError, pair.HeldOutError) };
    }

    /// <summary>Rounds factors, measures them, turns them as a format has them, and frees what was computed.</summary>
    private static (IReadOnlyList<Matrix<float>> Factors, double Error) Stored(LayerMethod method, IReadOnlyList<Tensor> made, Tensor weight, FactorChoice choice, TensorDType dtype, ModelFormat format, ComputeOptions options, CancellationToken cancellationToken)
    {
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
            return (factors, error);
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
