using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Decompositions.Expressions;

/// <summary>
/// Fits the factors of an expression by Adam (Kingma and Ba, 2015) on ||X - X'||^2 / ||X||^2 and penalties. The gradient of a factor is the contraction of the
/// residual with all other factors, in the cheapest order. Steps are shares of a factor's own size, halved where nothing improves; the proximal
/// step of L1 and the projection onto entries that are not negative follow each.
/// </summary>
internal sealed class ExpressionFit
{
    private const double FirstRate = 0.05, LastRate = 1e-9, Decay1 = 0.9, Decay2 = 0.99, Guard = 1e-30;
    private const int Patience = 30;

    private readonly TensorExpression _expression;
    private readonly Tensor _tensor;
    private readonly DecompositionOptions _options;
    private readonly CancellationToken _ct;
    private readonly double _norm;
    private readonly int[] _owner;
    private readonly ContractionPlan _forward;
    private readonly ContractionPlan[] _backward;
    private readonly FactorPenalty[] _penalties;

    public ExpressionFit(TensorExpression expression, Tensor tensor, IReadOnlyList<FactorShape> shapes, DecompositionOptions options, CancellationToken ct)
    {
        (_expression, _tensor, _options, _ct) = (expression, tensor, options, ct);
        _norm = tensor.SquaredNorm();
        Dictionary<char, int> sizes = [];
        foreach ((string name, string modes) in expression.Terms)
        {
            FactorShape shape = shapes.First(s => s.Name == name);
            for (int k = 0; k < modes.Length; k++)
                sizes[modes[k]] = shape.Shape[k];
        }
        string[] terms = [.. expression.Terms.Select(t => t.Modes)];
        _owner = [.. expression.Terms.Select(t => shapes.ToList().FindIndex(s => s.Name == t.Name))];
        _forward = ContractionPlan.Of(terms, expression.Output, c => sizes[c]);
        // A letter that only this factor has is summed over: its gradient is the same along that mode, and comes from the others' product alone.
        _backward = [.. terms.Select((modes, k) => ContractionPlan.Of([expression.Output, .. terms.Where((_, i) => i != k)], Known(k), c => sizes[c]))];
        _penalties = [.. shapes.Select(s => options.Penalties?.GetValueOrDefault(s.Name) ?? new FactorPenalty())];

        string Known(int k) => string.Concat(terms[k].Where(c => expression.Output.Contains(c, StringComparison.Ordinal) || terms.Where((_, i) => i != k).Any(t => t.Contains(c, StringComparison.Ordinal))));
    }

    /// <summary>Steps that were made.</summary>
    public int Steps { get; private set; }

    /// <summary>Whether steps became too small to change anything.</summary>
    public bool Converged { get; private set; }

    /// <summary>The loss after <see cref="Run"/>.</summary>
    public double Loss { get; private set; }

    /// <summary>Random factors whose product is as large as the tensor.</summary>
    public Tensor[] Start(IReadOnlyList<FactorShape> shapes, ulong seed)
    {
        Tensor[] factors = [.. shapes.Select((shape, k) =>
        {
            Tensor factor = Tensor.Uninitialized([.. shape.Shape]);
            new DeterministicRandom(seed + (0x9E37_79B9_0000_0001UL * (ulong)(k + 1))).FillGaussian(factor.Values);
            if (_penalties[k].NonNegative)
            {
                foreach (ref double value in factor.Values)
                    value = Math.Abs(value);
            }
            return factor;
        })];
        using Tensor product = Product(factors);
        double size = product.SquaredNorm(), scale = size > 0 && _norm > 0 ? Math.Pow(_norm / size, 0.5 / _expression.Terms.Count) : 1;
        foreach (Tensor factor in factors)
        {
            foreach (ref double value in factor.Values)
                value *= scale;
        }
        return factors;
    }

    /// <summary>Improves factors in place; what they were best at is what they are after it.</summary>
    /// <param name="factors">The start.</param>
    /// <param name="steps">Most steps.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    public void Run(Tensor[] factors, int steps, Action<double>? progress)
    {
        double[][] mean = [.. factors.Select(f => new double[f.Length])], square = [.. factors.Select(f => new double[f.Length])];
        double[][] best = [.. factors.Select(f => f.Values.ToArray())];
        double least = double.PositiveInfinity, rate = FirstRate;
        int since = 0, iteration = 0;
        for (Steps = 0; Steps < steps && !Converged; Steps++)
        {
            _ct.ThrowIfCancellationRequested();
            (double loss, double[][] gradients) = Gradients(factors);
            if (loss < least)
            {
                since = loss < least * (1 - 1e-4) ? 0 : since + 1;
                least = loss;
                for (int k = 0; k < factors.Length; k++)
                    factors[k].Values.CopyTo(best[k]);
            }
            else
            {
                since++;
            }
            if (since > Patience)
            {
                // From the best point with smaller steps and no memory of the larger ones.
                (rate, since, iteration) = (rate / 2, 0, 0);
                Converged = rate < LastRate || least < Guard;
                for (int k = 0; k < factors.Length; k++)
                {
                    best[k].CopyTo(factors[k].Values);
                    Array.Clear(mean[k]);
                    Array.Clear(square[k]);
                }
                continue;
            }
            iteration++;
            for (int k = 0; k < factors.Length; k++)
                Move(factors[k].Values, gradients[k], mean[k], square[k], rate, iteration, _penalties[k]);
            if (Steps % 50 == 0)
                progress?.Invoke((double)Steps / steps);
        }
        for (int k = 0; k < factors.Length; k++)
            best[k].CopyTo(factors[k].Values);
        Loss = least;
    }

    /// <summary>The tensor that factors stand for.</summary>
    public Tensor Product(Tensor[] factors) => _forward.Run([.. _owner.Select(k => factors[k])], _options.Compute, _ct);

    /// <summary>The loss and its gradients, but for the part of L1.</summary>
    public (double Loss, double[][] Gradients) Gradients(Tensor[] factors)
    {
        double scale = _norm > 0 ? 1 / _norm : 1, loss = 0;
        using Tensor residual = Product(factors);
        for (int i = 0; i < residual.Length; i++)
            residual.Values[i] -= _tensor.Values[i];
        loss += residual.SquaredNorm() * scale;
        double[][] gradients = [.. factors.Select(f => new double[f.Length])];
        for (int term = 0; term < _owner.Length; term++)
        {
            using Tensor part = _backward[term].Run([residual, .. _owner.Where((_, i) => i != term).Select(k => factors[k])], _options.Compute, _ct);
            Add(part, term, factors[_owner[term]], 2 * scale, gradients[_owner[term]]);
        }
        for (int k = 0; k < factors.Length; k++)
        {
            FactorPenalty penalty = _penalties[k];
            for (int i = 0; i < factors[k].Length && (penalty.L1 > 0 || penalty.L2 > 0); i++)
            {
                double value = factors[k].Values[i];
                loss += (penalty.L2 * value * value) + (penalty.L1 * Math.Abs(value));
                gradients[k][i] += 2 * penalty.L2 * value;
            }
        }
        return (loss, gradients);
    }

    // Modes that only this factor has are missing in the part: every index along them has the same gradient.
    private void Add(Tensor part, int term, Tensor factor, double scale, double[] gradient)
    {
        if (part.Length == factor.Length)
        {
            for (int i = 0; i < gradient.Length; i++)
                gradient[i] += scale * part.Values[i];
            return;
        }
        string modes = _expression.Terms[term].Modes;
        bool[] known = [.. modes.Select(c => _expression.Output.Contains(c, StringComparison.Ordinal) || _expression.Terms.Where((_, i) => i != term).Any(t => t.Modes.Contains(c, StringComparison.Ordinal)))];
        int[] index = new int[modes.Length];
        for (int i = 0; i < gradient.Length; i++)
        {
            int place = 0, rest = i;
            for (int k = modes.Length - 1; k >= 0; k--)
            {
                index[k] = rest % factor.Shape[k];
                rest /= factor.Shape[k];
            }
            for (int k = 0; k < modes.Length; k++)
                place = known[k] ? (place * factor.Shape[k]) + index[k] : place;
            gradient[i] += scale * part.Values[place];
        }
    }

    private static void Move(Span<double> values, double[] gradient, double[] mean, double[] square, double rate, int iteration, FactorPenalty penalty)
    {
        double size = Math.Sqrt(Sums.OfSquares(values) / Math.Max(1, values.Length)), step = rate * (size > 0 ? size : 1);
        double first = 1 - Math.Pow(Decay1, iteration), second = 1 - Math.Pow(Decay2, iteration);
        for (int i = 0; i < values.Length; i++)
        {
            mean[i] = (Decay1 * mean[i]) + ((1 - Decay1) * gradient[i]);
            square[i] = (Decay2 * square[i]) + ((1 - Decay2) * gradient[i] * gradient[i]);
            double spread = Math.Sqrt(square[i] / second);
            if (spread > 0)
            {
                values[i] -= step * mean[i] / first / spread;
                // The proximal step of L1 in the metric of this entry's step.
                double shrink = step * penalty.L1 / spread;
                values[i] = shrink > 0 ? Math.Sign(values[i]) * Math.Max(0, Math.Abs(values[i]) - shrink) : values[i];
            }
            if (penalty.NonNegative)
                values[i] = Math.Max(0, values[i]);
        }
    }
}
