using LowRankTools.Decompositions.Rescal;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Dedicom;

/// <summary>
/// Fits DEDICOM or INDSCAL: first all X_k are projected onto their common subspace, which holds every factor of that rank up to the noise outside it; in the few
/// unknowns that are left, Levenberg-Marquardt from several starts does not stop where alternating updates do.
/// </summary>
internal static class CompressedFit
{
    private const int Sweeps = 300, Steps = 400, TrialSteps = 80, MostStarts = 80, ManyStarts = 8, ManyUnknowns = 400, Seen = 3;

    // A trial need not come to rest to be told from another one; the best one does.
    private const double TrialRest = 1e-6, Rest = 1e-12, Exact = 1e-16, Same = 1e-3;

    /// <summary>A (n x r), D (K x r) and R (r x r) or null, and how they were found.</summary>
    /// <param name="tensor">X, K x n x n.</param>
    /// <param name="rank">r.</param>
    /// <param name="pose">The problem that compressed matrices of norm 1 pose.</param>
    /// <param name="options">Starts, steps, threads and seed.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    public static (Tensor Factor, Tensor Diagonals, Tensor? Core, int Iterations, bool Converged) Run(Tensor tensor, int rank, Func<Tensor, CompressedProblem> pose, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        using CommonSubspace subspace = CommonSubspace.Of(tensor, rank, 0, Sweeps, 1e-10, options.Compute, ct);
        progress?.Report(0.2);
        Tensor small = subspace.Cores;
        double norm = Math.Sqrt(small.SquaredNorm());
        if (norm > 0)
        {
            foreach (ref double value in small.Values)
                value /= norm;
        }
        CompressedProblem problem = pose(small);
        // Starts are cheap beside the subspace, and many end in poor minima: the best one so far is believed when it was met several times.
        int atLeast = Math.Max(options.Starts, problem.LeastStarts);
        int starts = Math.Max(options.Starts, problem.Unknowns > ManyUnknowns ? ManyStarts : MostStarts), iterations = 0, met = 0;
        // A few hundred unknowns are less work than sharing it out; the bits do not depend on threads.
        ComputeOptions alone = options.Compute with { ThreadCount = problem.Unknowns > ManyUnknowns ? options.Compute.ThreadCount : 1 };
        double[] best = [];
        double least = double.PositiveInfinity;
        for (int start = 0; start < starts && least > Exact && (met < Seen || start < atLeast); start++)
        {
            double[] point = problem.Start(start, options.Compute.Seed + (ulong)start, ct);
            (double loss, int steps, _) = LevenbergMarquardt.Run(problem, point, TrialSteps, TrialRest, LevenbergMarquardt.Far, alone, ct);
            iterations += steps;
            met = loss < least * (1 - Same) ? 1 : loss < least * (1 + Same) ? met + 1 : met;
            if (loss < least)
                (best, least) = (point, loss);
            progress?.Report(0.2 + (0.7 * (start + 1) / starts));
        }
        (_, int more, bool converged) = LevenbergMarquardt.Run(problem, best, options.MaxIterations ?? Steps, options.Rest ?? Rest, LevenbergMarquardt.Near, alone, ct);
        (Tensor factor, Tensor diagonals, Tensor? core) = Expanded(best, subspace, rank, problem.HasCore, norm, options.Compute, ct);
        return (factor, diagonals, core, iterations + more, converged);
    }

    private static (Tensor Factor, Tensor Diagonals, Tensor? Core) Expanded(double[] point, CommonSubspace subspace, int rank, bool withCore, double norm, ComputeOptions options, CancellationToken ct)
    {
        int size = subspace.Basis.Rows, slices = subspace.Cores.Shape[0];
        using Tensor inner = Tensor.From(point.AsSpan(0, size * rank), size, rank);
        Tensor factor = Tensor.Uninitialized(subspace.Basis.Columns, rank), diagonals = Tensor.From(point.AsSpan(size * rank, slices * rank), slices, rank);
        Gemm.Multiply(1, subspace.Basis.Transposed, inner.Matricize(1), 0, factor.Matricize(1), options, ct);
        Tensor? core = withCore ? Tensor.From(point.AsSpan((size + slices) * rank), rank, rank) : null;
        foreach (ref double value in (core ?? diagonals).Values)
            value *= norm;
        Normalize(factor, diagonals, core);
        return (factor, diagonals, core);
    }

    // Columns of A get length 1 and their largest entry positive; in DEDICOM those of D too, so that all of the size is in R.
    private static void Normalize(Tensor factor, Tensor diagonals, Tensor? core)
    {
        int rank = factor.Shape[1];
        for (int p = 0; p < rank; p++)
        {
            double length = Length(factor, p);
            if (length == 0)
                continue;
            Scale(factor, p, 1 / length);
            if (core is null)
            {
                Scale(diagonals, p, length * length);
                continue;
            }
            double spread = Length(diagonals, p);
            spread = spread == 0 ? 1 : spread;
            Scale(diagonals, p, 1 / spread);
            for (int q = 0; q < rank; q++)
            {
                core.Values[(p * rank) + q] *= length * spread;
                core.Values[(q * rank) + p] *= length * spread;
            }
        }
    }

    private static double Length(Tensor matrix, int column)
    {
        double sum = 0, largest = 0;
        for (int i = 0; i < matrix.Shape[0]; i++)
        {
            double value = matrix.Values[(i * matrix.Shape[1]) + column];
            sum += value * value;
            largest = Math.Abs(value) > Math.Abs(largest) ? value : largest;
        }
        return Math.Sqrt(sum) * (largest < 0 ? -1 : 1);
    }

    private static void Scale(Tensor matrix, int column, double factor)
    {
        for (int i = 0; i < matrix.Shape[0]; i++)
            matrix.Values[(i * matrix.Shape[1]) + column] *= factor;
    }
}
