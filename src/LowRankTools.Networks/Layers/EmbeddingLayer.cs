using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>Rows of a table by number: a table of its own, or a pair in its place.</summary>
public abstract class EmbeddingLayer : Module
{
    /// <summary>Rows of the table.</summary>
    public abstract int Entries { get; }

    /// <summary>Features of a row.</summary>
    public abstract int Features { get; }

    /// <summary>y[i] = table[ids[i]].</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="ids">Numbers of rows.</param>
    /// <returns>Tokens x features.</returns>
    /// <exception cref="LowRankToolsException">IndexOutOfRange.</exception>
    public abstract ITensor Forward(Pass pass, int[] ids);

    /// <summary>The gradient of the table grows.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public abstract void Backward(Pass pass, ITensor gradient);
}
