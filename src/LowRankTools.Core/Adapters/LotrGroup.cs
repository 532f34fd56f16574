using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters;

/// <summary>Layers of one shape that share the outer factors of their deltas: Delta_i (out x in) = L M_i R.</summary>
internal sealed class LotrGroup : IDisposable
{
    /// <summary>Name of the group in a file: the shape of its layers, and a number where there are several of it.</summary>
    public required string Name { get; init; }

    /// <summary>L, out x p.</summary>
    public required Matrix<float> Left { get; init; }

    /// <summary>R, q x in.</summary>
    public required Matrix<float> Right { get; init; }

    /// <summary>Inputs as they are stored: (in), or (in, kernel) of convolutions.</summary>
    public required long[] Inputs { get; init; }

    /// <summary>The modules with their cores, p x q.</summary>
    public required IReadOnlyList<(string Module, Matrix<float> Core)> Cores { get; init; }

    /// <summary>Numerator of the scale alpha / q; null for a scale of one.</summary>
    public double? Alpha { get; init; }

    /// <summary>Parameters of all factors.</summary>
    public long Parameters => Left.Length + Right.Length + Cores.Sum(c => c.Core.Length);

    /// <summary>Groups what belongs to layers by their outputs and inputs, in the order of each shape's first layer.</summary>
    /// <typeparam name="T">What stands for a layer.</typeparam>
    /// <param name="layers">All of them.</param>
    /// <param name="sizes">Outputs and inputs of one.</param>
    /// <param name="mostEntries">Most entries of all deltas of one group together.</param>
    public static IEnumerable<(string Name, long Outputs, long[] Inputs, T[] Layers)> Of<T>(IEnumerable<T> layers, Func<T, (long Outputs, long[] Inputs)> sizes, long mostEntries = long.MaxValue)
    {
        foreach (IGrouping<string, T> shape in layers.GroupBy(l => ShapeOf(sizes(l)), StringComparer.Ordinal))
        {
            (long outputs, long[] inputs) = sizes(shape.First());
            long entries = inputs.Aggregate(outputs, (n, i) => checked(n * i));
            T[][] parts = [.. shape.Chunk((int)Math.Clamp(mostEntries / entries, 1, int.MaxValue))];
            for (int i = 0; i < parts.Length; i++)
                yield return (i == 0 ? shape.Key : FormattableString.Invariant($"{shape.Key}-{i + 1}"), outputs, inputs, parts[i]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        foreach ((_, Matrix<float> core) in Cores)
            core.Dispose();
    }

    private static string ShapeOf((long Outputs, long[] Inputs) sizes) => string.Join('x', sizes.Inputs.Prepend(sizes.Outputs));
}
