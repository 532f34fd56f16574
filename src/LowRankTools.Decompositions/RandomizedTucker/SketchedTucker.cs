using LowRankTools.Decompositions.Randomized;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.RandomizedTucker;

/// <summary>
/// A Tucker start for large modes: mode after mode the range of a Gaussian sketch of what the modes before have left (Minster, Saibaba, Kilmer, "Randomized
/// algorithms for low-rank tensor decompositions", 2020), in place of the eigenvectors of an unfolding's Gram matrix.
/// </summary>
internal static class SketchedTucker
{
    /// <summary>Reduces the modes.</summary>
    /// <param name="tensor">X.</param>
    /// <param name="ranks">Vectors of each mode.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="ct">Stops the computation.</param>
    public static TuckerState Start(Tensor tensor, int[] ranks, ComputeOptions options, CancellationToken ct)
    {
        TuckerState state = new(tensor.Copy(), new Matrix<double>?[tensor.Order], tensor.SquaredNorm());
        try
        {
            // Large modes first: those after them have less to sketch.
            foreach (int n in Enumerable.Range(0, tensor.Order).OrderByDescending(n => tensor.Shape[n]))
            {
                if (ranks[n] >= tensor.Shape[n])
                    continue;
                using Matrix<double> unfolded = Unfolding.Of(state.Core, n);
                (Matrix<double> basis, Matrix<double> coordinates) = SketchedSubspace.Of(unfolded.View, ranks[n], options with { Seed = options.Seed + (ulong)n }, ct);
                using (coordinates)
                {
                    int[] shape = [.. state.Core.Shape];
                    shape[n] = basis.Rows;
                    state.Replace(n, basis, Unfolding.Fold(coordinates.View, n, shape));
                }
            }
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }
}
