using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Sums of adapters that look at single entries of what they add: TIES (Yadav and others, 2023) and DARE (Yu and others, 2024), as PEFT's ties_svd and
/// dare_linear_svd have them. Both are defined on dense deltas: each module has one matrix of its weight's size for every adapter, and one for the sum.
/// </summary>
internal static class JoinDeltas
{
    /// <summary>Joins a module.</summary>
    /// <param name="parts">What each adapter adds to it.</param>
    /// <param name="mode">Ties or Dare.</param>
    /// <param name="density">Share of the entries to keep.</param>
    /// <param name="seed">Of the entries that DARE keeps, another one for every module.</param>
    /// <param name="rank">Components of the pair that the sum becomes, by a rank or by energy.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static ComputedModule? Join(IReadOnlyList<(AdapterModule Module, double Weight)> parts, JoinMode mode, double density, ulong seed, AdapterRank rank, CancellationToken cancellationToken)
    {
        List<Matrix<float>> deltas = [];
        try
        {
            foreach ((AdapterModule module, _) in parts)
            {
                cancellationToken.ThrowIfCancellationRequested();
                deltas.Add(Dense(module, cancellationToken));
                if (mode == JoinMode.Ties)
                    Trim(deltas[^1], density);
                else
                    Drop(deltas[^1], density, new DeterministicRandom(seed + (ulong)deltas.Count));
            }
            using Matrix<float> sum = mode == JoinMode.Ties ? Elected(deltas, parts) : Weighted(deltas, parts);
            AdapterModule first = parts[0].Module;
            return TruncatedDelta.Compute(first.Name, sum.View, first.Inputs, first.IsEmbedding, rank, 0, cancellationToken);
        }
        finally
        {
            deltas.ForEach(d => d.Dispose());
        }
    }

    private static Matrix<float> Dense(AdapterModule module, CancellationToken cancellationToken)
    {
        using AdapterFactors factors = AdapterFactors.Read(module, cancellationToken);
        Matrix<float> delta = Matrix<float>.Uninitialized(factors.B.Rows, factors.A.Columns);
        Gemm.Multiply(1, factors.B.View, factors.A.View, 0, delta.View, null, cancellationToken);
        return delta;
    }

    // The largest entries stay; of equal ones those that come first.
    private static void Trim(Matrix<float> delta, double density)
    {
        Span<float> values = delta.RowBlock(0, delta.Rows);
        int kept = Math.Max(1, (int)(density * values.Length));
        float[] magnitudes = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
            magnitudes[i] = MathF.Abs(values[i]);
        Array.Sort(magnitudes);
        float least = magnitudes[^kept];
        int equal = kept - magnitudes.Count(m => m > least);
        foreach (ref float value in values)
        {
            if (MathF.Abs(value) < least || MathF.Abs(value) == least && equal-- <= 0)
                value = 0;
        }
    }

    // An entry stays with the probability of the density, and is divided by it: the expectation is the delta.
    private static void Drop(Matrix<float> delta, double density, DeterministicRandom random)
    {
        foreach (ref float value in delta.RowBlock(0, delta.Rows))
            value = random.NextDouble() < density ? (float)(value / density) : 0;
    }

    // The sign of the sum of what was trimmed is elected; the weighted mean of the entries of that sign is the result.
    private static Matrix<float> Elected(List<Matrix<float>> deltas, IReadOnlyList<(AdapterModule Module, double Weight)> parts)
    {
        Matrix<float> result = Matrix<float>.Uninitialized(deltas[0].Rows, deltas[0].Columns);
        for (int i = 0; i < result.Rows; i++)
        {
            for (int j = 0; j < result.Columns; j++)
            {
                double total = 0, sum = 0;
                int count = 0;
                foreach (Matrix<float> delta in deltas)
                    total += delta[i, j];
                int sign = total >= 0 ? 1 : -1;
                for (int k = 0; k < deltas.Count; k++)
                {
                    if (Math.Sign(deltas[k][i, j]) != sign)
                        continue;
                    sum += parts[k].Weight * deltas[k][i, j];
                    count++;
                }
                result[i, j] = (float)(sum / Math.Max(count, 1));
            }
        }
        return result;
    }

    private static Matrix<float> Weighted(List<Matrix<float>> deltas, IReadOnlyList<(AdapterModule Module, double Weight)> parts)
    {
        Matrix<float> result = new(deltas[0].Rows, deltas[0].Columns);
        Span<float> to = result.RowBlock(0, result.Rows);
        for (int k = 0; k < deltas.Count; k++)
        {
            Span<float> from = deltas[k].RowBlock(0, result.Rows);
            for (int i = 0; i < to.Length; i++)
                to[i] += (float)(parts[k].Weight * from[i]);
        }
        return result;
    }
}
