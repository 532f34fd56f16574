using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tucker;

/// <summary>
/// ST-HOSVD (Vannieuwenhoven, Vandebril, Meerbergen, 2012): mode after mode the leading subspace of what the modes before have left. The
/// squared errors of the modes add up to that of the whole, which is at most d times the best possible one.
/// </summary>
internal static class HigherOrderSvd
{
    /// <summary>Reduces the modes.</summary>
    /// <param name="tensor">X.</param>
    /// <param name="most">Most vectors of each mode; 0 for a mode that stays.</param>
    /// <param name="reduced">How many modes are reduced.</param>
    /// <param name="options">Tolerance and threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public static TuckerState Start(Tensor tensor, int[] most, int reduced, DecompositionOptions options, CancellationToken ct)
    {
        double norm = tensor.SquaredNorm();
        ErrorBudget budget = new(options.Tolerance, norm, reduced);
        TuckerState state = new(tensor.Copy(), new Matrix<double>?[tensor.Order], norm);
        try
        {
            for (int n = 0; n < tensor.Order; n++)
            {
                if (most[n] == 0 || (options.Tolerance is null && most[n] >= tensor.Shape[n]))
                    continue;
                using LeadingSubspace step = Subspace(state.Core, n, budget.Share, most[n], options.Compute, ct);
                budget.Spend(step.SquaredError);
                // All of a mode is no reduction: it stays in the core as it is.
                if (step.Basis.Rows < tensor.Shape[n])
                    state.Replace(n, step.Basis.Copy(), Folded(step, n, state.Core));
            }
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <summary>The leading subspace of an unfolding.</summary>
    public static LeadingSubspace Subspace(Tensor tensor, int mode, double? allowed, int most, ComputeOptions options, CancellationToken ct)
    {
        if (mode == 0)
            return LeadingSubspace.Of(tensor.Matricize(1), allowed, most, options, ct);
        using Matrix<double> unfolded = Unfolding.Of(tensor, mode);
        return LeadingSubspace.Of(unfolded.View, allowed, most, options, ct);
    }

    /// <summary>A tensor whose fibres of a mode became coordinates in the basis.</summary>
    public static Tensor Folded(LeadingSubspace step, int mode, Tensor tensor)
    {
        int[] shape = [.. tensor.Shape];
        shape[mode] = step.Coordinates.Rows;
        return Unfolding.Fold(step.Coordinates.View, mode, shape);
    }
}
