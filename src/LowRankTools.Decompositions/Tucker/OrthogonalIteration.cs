using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tucker;

/// <summary>
/// HOOI (De Lathauwer, De Moor, Vandewalle, 2000): in turns each basis becomes the leading subspace of the tensor projected onto all the
/// others, which is the best there is for these; so no sweep makes the error larger.
/// </summary>
internal static class OrthogonalIteration
{
    // Below this error norms cancel, and the entries are compared instead.
    private const double Fine = 3e-5;

    public static TuckerTensor Run(Tensor tensor, TuckerState state, int sweeps, double rest, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        using (state)
        {
            List<double> errors = [state.RelativeError];
            int[] modes = [.. Enumerable.Range(0, tensor.Order).Where(n => state.Bases[n] is not null)];
            // With one basis the start is the best there is; without sweeps it is all that was asked for.
            bool converged = modes.Length < 2 || sweeps == 0;
            while (!converged && errors.Count <= sweeps)
            {
                foreach (int mode in modes)
                    Update(tensor, state, mode, modes, options.Compute, ct);
                errors.Add(state.RelativeError);
                converged = errors[^2] - errors[^1] < rest;
                progress?.Report(0.2 + (0.8 * errors.Count / (sweeps + 1)));
            }
            TuckerTensor tucker = new(tensor.Shape, state.Core.Copy(), [.. modes.Select(n => (n, Tensor.From(state.Bases[n]!.Transposed, tensor.Shape[n], state.Bases[n]!.Rows)))])
            {
                Errors = errors, Iterations = errors.Count - 1, Converged = converged,
            };
            tucker.RelativeError = errors[^1] < Fine ? tucker.ErrorAgainst(tensor, options.Compute, ct) : errors[^1];
            return tucker;
        }
    }

    private static void Update(Tensor tensor, TuckerState state, int mode, int[] modes, ComputeOptions options, CancellationToken ct)
    {
        Tensor projected = tensor;
        try
        {
            // What shrinks most comes first: the others then have less to multiply.
            foreach (int other in modes.Where(n => n != mode).OrderBy(n => (double)state.Bases[n]!.Rows / tensor.Shape[n]))
            {
                Tensor old = projected;
                projected = ModeProduct.Multiply(old, other, state.Bases[other]!.View, options, ct);
                if (!ReferenceEquals(old, tensor))
                    old.Dispose();
            }
            using LeadingSubspace step = HigherOrderSvd.Subspace(projected, mode, null, state.Bases[mode]!.Rows, options, ct);
            state.Replace(mode, step.Basis.Copy(), HigherOrderSvd.Folded(step, mode, projected));
        }
        finally
        {
            if (!ReferenceEquals(projected, tensor))
                projected.Dispose();
        }
    }
}
