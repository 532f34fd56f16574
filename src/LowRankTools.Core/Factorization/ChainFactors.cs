using System.Diagnostics;
using LowRankTools.Decompositions;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core;

/// <summary>The chain of convolutions that stands for one kernel, as it will be stored: every entry rounded to the type that is written.</summary>
internal sealed class ChainFactors : IDisposable
{
    /// <summary>The stages' kernels, row after row, in the order in which they are applied.</summary>
    public required IReadOnlyList<Matrix<float>> Kernels { get; init; }

    /// <summary>What was measured.</summary>
    public required MeasuredPair Measured { get; init; }

    /// <summary>Finds the chain of a kernel.</summary>
    /// <param name="kernel">K, outputs x channels x height x width.</param>
    /// <param name="choice">Method and ranks.</param>
    /// <param name="dtype">Type that it will be stored in.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static ChainFactors Compute(Tensor kernel, FactorChoice choice, TensorDType dtype, ComputeOptions options, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using ConvolutionChain chain = ConvolutionMethods.Find(choice.Method).Decompose(kernel, choice.Numbers, options, null, cancellationToken);
        List<Matrix<float>> kernels = [];
        try
        {
            foreach (Tensor stage in chain.Kernels)
            {
                kernels.Add(ConvolutionKernel.Single(stage));
                StoredType.Round(kernels[^1], dtype);
                // The stored entries take the place of the computed ones, so that the error is theirs.
                ReadOnlySpan<float> stored = kernels[^1].RowBlock(0, kernels[^1].Rows);
                Span<double> computed = stage.Values;
                for (int i = 0; i < computed.Length; i++)
                    computed[i] = stored[i];
            }
            double error = chain.ErrorAgainst(kernel, options, cancellationToken);
            return new ChainFactors { Kernels = kernels, Measured = new MeasuredPair(error, kernel.SquaredNorm(), choice.Method, clock.Elapsed.TotalSeconds, null, null) };
        }
        catch
        {
            kernels.ForEach(k => k.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Matrix<float> kernel in Kernels)
            kernel.Dispose();
    }
}
