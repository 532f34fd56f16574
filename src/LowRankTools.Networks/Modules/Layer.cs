using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Modules;

/// <summary>A module that turns one activation (tokens x features) into another.</summary>
public abstract class Layer : Module
{
    /// <summary>y = f(x).</summary>
    /// <param name="pass">The running pass; in training it keeps what the way back needs.</param>
    /// <param name="x">Tokens x features. It is left as it is, and stays the caller's.</param>
    /// <returns>The caller's, to change and to release; x itself where f is the identity. A layer never keeps what it returns.</returns>
    public abstract ITensor Forward(Pass pass, ITensor x);

    /// <summary>dx from dy, and the gradients of the parameters grow. The calls of <see cref="Forward"/> come back last first.</summary>
    /// <param name="pass">The pass of the calls of <see cref="Forward"/>, a training pass.</param>
    /// <param name="gradient">dy, taken over: it may be changed, and is disposed of or returned.</param>
    /// <returns>dx, the caller's.</returns>
    public abstract ITensor Backward(Pass pass, ITensor gradient);
}
