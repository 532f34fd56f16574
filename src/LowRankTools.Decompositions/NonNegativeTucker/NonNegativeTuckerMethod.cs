using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.NonNegativeTucker;

/// <summary>
/// Tucker whose core and factors have no negative entry, <see cref="NonNegativeTuckerTensor"/> (Kim and Choi, 2007): factors in turns by HALS, as of
/// <see cref="HierarchicalUpdate"/>, the core by accelerated projected gradients. Every sweep starts beyond the last one's result, as far as that
/// keeps paying (Ang and Gillis, "Accelerating nonnegative matrix factorization algorithms using extrapolation", 2019). Takes ranks R_1 to R_d and starts: the first from magnitudes of the
/// direct Tucker decomposition, the others random.
/// </summary>
public sealed class NonNegativeTuckerMethod : DecompositionMethod
{
    internal const string MethodName = "NonNegativeTucker";
    private const int Sweeps = 500, CoreSteps = 30, Passes = 5;
    private const double Rest = 1e-8;

    // How far beyond a sweep the next one starts, in steps of its own: it grows while that pays and shrinks where it does not.
    private const double FirstStep = 0.5, LeastStep = 0.1, MostStep = 3, Growth = 1.1, Shrinkage = 0.6;

    /// <inheritdoc/>
    public override string Name => MethodName;

    /// <inheritdoc/>
    public override string Description => "Tucker without negative entries, by HALS and projected gradients: ranks.";

    /// <inheritdoc/>
    public override void Check(DecompositionOptions options)
    {
        base.Check(options);
        if (options.Ranks is null || options.Tolerance is not null)
            throw DecompositionOptions.Invalid($"{Name} takes ranks and no tolerance.", "Give ranks; the error that they reach is in the result.");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks)
    {
        if (shape.Count < LeastOrder || ranks.Count != shape.Count || ranks.Where((r, n) => r < 1 || r > shape[n]).Any())
            throw NoSuch(shape, ranks);
        return [new FactorShape("core", [.. ranks]), .. shape.Select((size, n) => new FactorShape($"factor{n}", [size, ranks[n]]))];
    }

    private protected override Decomposition Compute(Tensor tensor, DecompositionOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int[] asked = options.RanksFor(tensor.Order, "modes"), ranks = [.. asked.Select((r, n) => Math.Min(r, tensor.Shape[n]))];
        NonNegativeTuckerTensor? best = null;
        for (int start = 0; start < options.Starts; start++)
        {
            int number = start;
            NonNegativeTuckerTensor found = One(tensor, ranks, start, options, part => progress?.Report((number + part) / options.Starts), ct);
            (NonNegativeTuckerTensor? worse, best) = best is null || found.RelativeError < best.RelativeError ? (best, found) : (found, best);
            worse?.Dispose();
        }
        return best!;
    }

    private protected override Decomposition Make(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<NamedFactor> factors) => new NonNegativeTuckerTensor(shape, factors);

    private static NonNegativeTuckerTensor One(Tensor tensor, int[] ranks, int start, DecompositionOptions options, Action<double> progress, CancellationToken ct)
    {
        NonNegativeTuckerState state = Start(tensor, ranks, start, options.Compute, ct), before = state.Copy();
        List<double> errors = [];
        int sweeps = options.MaxIterations ?? Sweeps, made = 0;
        double step = FirstStep;
        bool converged = false;
        while (!converged && made < sweeps)
        {
            NonNegativeTuckerState next = state.Beyond(before, step);
            double error = Sweep(tensor, next, options.Compute, ct);
            made++;
            if (errors.Count > 0 && error > errors[^1])
            {
                next.Dispose();
                next = state.Copy();
                error = Sweep(tensor, next, options.Compute, ct);
                made++;
                step = Math.Max(LeastStep, step * Shrinkage);
            }
            else
            {
                step = Math.Min(MostStep, step * Growth);
            }
            // A plain sweep makes nothing larger but by rounding.
            converged = errors.Count > 0 && errors[^1] - error < (options.Rest ?? Rest);
            bool better = errors.Count == 0 || error <= errors[^1];
            (better ? before : next).Dispose();
            if (better)
            {
                (before, state) = (state, next);
                errors.Add(error);
            }
            progress((double)made / sweeps);
        }
        before.Dispose();
        NonNegativeTuckerTensor found = new(tensor.Shape, [new NamedFactor("core", state.Core.Copy()), .. state.Factors.Select((f, n) => new NamedFactor($"factor{n}", Tensor.From(f.View, f.Rows, f.Columns)))])
        {
            Errors = errors, Iterations = made, Converged = converged,
        };
        state.Dispose();
        found.RelativeError = found.ErrorAgainst(tensor, options.Compute, ct);
        return found;
    }

    /// <summary>Every factor and the core once; returns ||X - X'|| / ||X||.</summary>
    private static double Sweep(Tensor tensor, NonNegativeTuckerState state, ComputeOptions options, CancellationToken ct)
    {
        double norm = tensor.SquaredNorm();
        for (int n = 0; n < state.Factors.Length; n++)
            UpdateFactor(tensor, state.Core, state.Factors, n, options, ct);
        Tensor core = state.Core;
        double left = UpdateCore(tensor, ref core, state.Factors, options, ct);
        state.Core = core;
        state.Normalize(options, ct);
        return norm == 0 ? 0 : Math.Sqrt(Math.Max(0, norm + left) / norm);
    }

    private static NonNegativeTuckerState Start(Tensor tensor, int[] ranks, int start, ComputeOptions options, CancellationToken ct)
    {
        Matrix<double>[] factors = [.. ranks.Select((rank, n) =>
        {
            Matrix<double> factor = Matrix<double>.Uninitialized(tensor.Shape[n], rank);
            new DeterministicRandom(options.Seed + (0x9E37_79B9_0000_0001UL * (ulong)((start * ranks.Length) + n + 1))).FillGaussian(factor);
            if (start == 0)
            {
                using LeadingSubspace leading = HigherOrderSvd.Subspace(tensor, n, null, rank, options, ct);
                leading.Basis.Transposed.CopyTo(factor.View.Slice(0, 0, factor.Rows, leading.Basis.Rows));
            }
            foreach (ref double value in factor.RowBlock(0, factor.Rows))
                value = Math.Abs(value);
            return factor;
        })];
        Tensor core = Tensor.Uninitialized(ranks);
        new DeterministicRandom(options.Seed + (ulong)start).FillGaussian(core.Values);
        foreach (ref double value in core.Values)
            value = Math.Abs(value);
        return new NonNegativeTuckerState(core, factors);
    }

    // Rows of the factor against the core multiplied by all others: V = B B^T and M = X_(n) B^T.
    private static void UpdateFactor(Tensor tensor, Tensor core, Matrix<double>[] factors, int mode, ComputeOptions options, CancellationToken ct)
    {
        using Tensor projected = Multiplied(tensor, factors, mode, options, ct), spread = Grams(core, factors, mode, options, ct);
        using Matrix<double> x = Unfolding.Of(projected, mode), g = Unfolding.Of(core, mode), s = Unfolding.Of(spread, mode);
        using Matrix<double> m = Matrix<double>.Uninitialized(x.Rows, g.Rows), v = Matrix<double>.Uninitialized(g.Rows, g.Rows);
        Gemm.Multiply(1, x.View, g.Transposed, 0, m.View, options, ct);
        Gemm.Multiply(1, s.View, g.Transposed, 0, v.View, options, ct);
        Matrix<double> solved = HierarchicalUpdate.Solve(factors[mode], m, v, Passes);
        factors[mode].Dispose();
        factors[mode] = solved;
    }

    // Nesterov's steps on 1/2 ||X - G x U||^2 over G >= 0. Returns ||X'||^2 - 2 <X, X'>.
    private static double UpdateCore(Tensor tensor, ref Tensor core, Matrix<double>[] factors, ComputeOptions options, CancellationToken ct)
    {
        using Tensor target = Multiplied(tensor, factors, -1, options, ct);
        double bound = factors.Aggregate(1.0, (product, f) => product * LargestEigenvalue(f, options, ct));
        if (bound == 0)
            return 0;
        Tensor kept = core.Copy();
        double least = Quadratic(core, target, factors, options, ct), before = 1;
        using Tensor ahead = core.Copy();
        for (int step = 0; step < CoreSteps; step++)
        {
            using Tensor gradient = Grams(ahead, factors, -1, options, ct);
            double next = (1 + Math.Sqrt(1 + (4 * before * before))) / 2;
            for (int i = 0; i < core.Length; i++)
            {
                double old = core.Values[i], moved = Math.Max(0, ahead.Values[i] - ((gradient.Values[i] - target.Values[i]) / bound));
                core.Values[i] = moved;
                ahead.Values[i] = moved + ((before - 1) / next * (moved - old));
            }
            before = next;
        }
        double after = Quadratic(core, target, factors, options, ct);
        // Accelerated steps may end a little higher than they began; then the core stays.
        if (after <= least)
        {
            kept.Dispose();
            return after;
        }
        core.Dispose();
        core = kept;
        return least;
    }

    private static double Quadratic(Tensor core, Tensor target, Matrix<double>[] factors, ComputeOptions options, CancellationToken ct)
    {
        using Tensor spread = Grams(core, factors, -1, options, ct);
        return Sums.OfProducts(spread.Values, core.Values) - (2 * Sums.OfProducts(target.Values, core.Values));
    }

    // The tensor by all factors' transposes but one's.
    private static Tensor Multiplied(Tensor tensor, Matrix<double>[] factors, int except, ComputeOptions options, CancellationToken ct) =>
        Chain(tensor, factors.Length, except, n => factors[n].Transposed, options, ct);

    // The core by all factors' Gram matrices but one's.
    private static Tensor Grams(Tensor core, Matrix<double>[] factors, int except, ComputeOptions options, CancellationToken ct)
    {
        Matrix<double>[] grams = [.. factors.Select(f =>
        {
            Matrix<double> gram = Matrix<double>.Uninitialized(f.Columns, f.Columns);
            Gemm.MultiplyByOwnTranspose(1, f.Transposed, 0, gram.View, options, ct);
            return gram;
        })];
        Tensor product = Chain(core, factors.Length, except, n => grams[n].View, options, ct);
        Array.ForEach(grams, g => g.Dispose());
        return product;
    }

    private static Tensor Chain(Tensor tensor, int modes, int except, Func<int, MatrixView<double>> matrix, ComputeOptions options, CancellationToken ct)
    {
        Tensor product = tensor.Copy();
        for (int n = 0; n < modes; n++)
        {
            if (n == except)
                continue;
            using Tensor old = product;
            product = ModeProduct.Multiply(old, n, matrix(n), options, ct);
        }
        return product;
    }

    private static double LargestEigenvalue(Matrix<double> factor, ComputeOptions options, CancellationToken ct)
    {
        using Matrix<double> gram = Matrix<double>.Uninitialized(factor.Columns, factor.Columns);
        Gemm.MultiplyByOwnTranspose(1, factor.Transposed, 0, gram.View, options, ct);
        (double[] values, Matrix<double> vectors) = SmallFactorizations.Eigen(new EmbeddedEngine(options), gram.View, _ => 1, ct);
        vectors.Dispose();
        return Math.Max(0, values[0]);
    }
}
