using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.NonNegativeTucker;

/// <summary>Core and factors on their way. Owns them.</summary>
/// <param name="core">R_1 x ... x R_d.</param>
/// <param name="factors">n_k x R_k.</param>
internal sealed class NonNegativeTuckerState(Tensor core, Matrix<double>[] factors) : IDisposable
{
    /// <summary>The core.</summary>
    public Tensor Core { get; set; } = core;

    /// <summary>The factors.</summary>
    public Matrix<double>[] Factors => factors;

    /// <summary>The same once more.</summary>
    public NonNegativeTuckerState Copy() => new(Core.Copy(), [.. factors.Select(f => f.Copy())]);

    /// <summary>What lies beyond this state as seen from an earlier one: max(0, x + step (x - before)).</summary>
    public NonNegativeTuckerState Beyond(NonNegativeTuckerState before, double step)
    {
        NonNegativeTuckerState beyond = Copy();
        Move(beyond.Core.Values, before.Core.Values, step);
        for (int n = 0; n < factors.Length; n++)
            Move(beyond.Factors[n].RowBlock(0, factors[n].Rows), before.Factors[n].RowBlock(0, factors[n].Rows), step);
        return beyond;
    }

    /// <summary>Gives every column of the factors length 1 and the core what they had: steps of core and factors are then of one size.</summary>
    public void Normalize(ComputeOptions options, CancellationToken ct)
    {
        for (int n = 0; n < factors.Length; n++)
        {
            using Matrix<double> lengths = new(factors[n].Columns, factors[n].Columns);
            for (int r = 0; r < factors[n].Columns; r++)
            {
                double length = 0;
                for (int i = 0; i < factors[n].Rows; i++)
                    length += factors[n].Row(i)[r] * factors[n].Row(i)[r];
                length = Math.Sqrt(length);
                lengths.Row(r)[r] = length == 0 ? 1 : length;
                for (int i = 0; i < factors[n].Rows; i++)
                    factors[n].Row(i)[r] /= lengths.Row(r)[r];
            }
            using Tensor old = Core;
            Core = ModeProduct.Multiply(old, n, lengths.View, options, ct);
        }
    }

    public void Dispose()
    {
        Core.Dispose();
        Array.ForEach(factors, f => f.Dispose());
    }

    private static void Move(Span<double> values, ReadOnlySpan<double> before, double step)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = Math.Max(0, values[i] + (step * (values[i] - before[i])));
    }
}
