using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.Factored;

/// <summary>Shapes of activations of several modes, and what refuses those that there are none of.</summary>
internal static class FactoredShapes
{
    /// <summary>Product of sizes that a matrix may have as a side.</summary>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public static int Size(IEnumerable<int> sizes)
    {
        double product = sizes.Aggregate(1.0, (n, s) => n * s);
        return product <= int.MaxValue ? (int)product : throw new LowRankToolsException("ShapesDoNotMatch", $"Modes of {product:0} entries together are more than an activation has.");
    }

    public static void Require(IReadOnlyList<int> sizes, bool fits)
    {
        if (!fits || sizes.Any(n => n < 1)) throw new LowRankToolsException("ShapesDoNotMatch", $"Modes of ({string.Join(", ", sizes)}) are none of a layer that contracts.", "Give at least one size for each side, all of them 1 or more.");
    }

    public static void Require(Linear dense, IReadOnlyList<int> inputs, IReadOnlyList<int> outputs)
    {
        if (Size(inputs) != dense.InFeatures || Size(outputs) != dense.OutFeatures)
            throw new LowRankToolsException("ShapesDoNotMatch", $"Modes ({string.Join(", ", inputs)}) to ({string.Join(", ", outputs)}) are not those of a layer of {dense.InFeatures} to {dense.OutFeatures}.");
    }

    /// <summary>The identity, size x size.</summary>
    public static ITensor Identity(INetworkEngine engine, int size, ElementType type)
    {
        double[] entries = new double[checked(size * size)];
        for (int i = 0; i < size; i++) entries[(i * size) + i] = 1;
        using ITensor wide = engine.FromDoubles(entries, size, size);
        return engine.Copy(wide, type);
    }

    /// <summary>A bias of several modes as the row that a linear layer takes; one of a single mode is shared.</summary>
    public static Parameter? Flat(INetworkEngine engine, Parameter? bias) => bias is null or { Shape.Count: 1 }
        ? bias : new Parameter((int)bias.Length) { Value = engine.Copy(engine.View(bias.Value, (int)bias.Length), bias.Value.ElementType) };
}
