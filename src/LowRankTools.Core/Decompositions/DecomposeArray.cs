using System.Diagnostics;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Decompositions;

/// <summary>Decomposes tensors that are in memory, such as arrays of .NET.</summary>
/// <param name="options">The method, ranks, tolerance, starts; what concerns files is not looked at.</param>
public sealed class DecomposeArray(DecomposeOptions options)
{
    /// <summary>Decomposes one tensor.</summary>
    /// <param name="tensor">X; it stays the caller's.</param>
    /// <param name="progress">Told in thousandths.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>ShapesDoNotMatch</c>, <c>NonFiniteValues</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ArrayDecomposition Run(Tensor tensor, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Stopwatch clock = Stopwatch.StartNew();
        DecompositionMethod method = DecompositionMethods.Find(options.Method);
        using Decomposition found = method.Decompose(tensor, options.Decomposition, progress is null ? null : new Parts(progress, method.Name), cancellationToken);
        using Tensor dense = found.ToDense(options.Decomposition.Compute, cancellationToken);
        return new ArrayDecomposition
        {
            Method = method.Name,
            Rule = options.Rule,
            Shape = [.. found.Shape.Select(s => (long)s)],
            Ranks = [.. found.Ranks.Select(r => (long)r)],
            ParametersBefore = tensor.Length,
            Parameters = found.ParameterCount,
            RelativeError = found.RelativeError,
            Iterations = found.Iterations,
            Converged = found.Converged,
            Factors = found.Factors.ToDictionary(f => f.Name, f => TensorArrays.From(f.Values), StringComparer.Ordinal),
            Dense = TensorArrays.From(dense),
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    private sealed class Parts(IProgress<OperationProgress> progress, string name) : IProgress<double>
    {
        private const int Steps = 1000;

        public void Report(double value) => progress.Report(new OperationProgress("Decomposing", name, (long)(Steps * value), Steps));
    }
}
