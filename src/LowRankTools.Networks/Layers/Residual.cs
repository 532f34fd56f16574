using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>y = x + f(x).</summary>
public sealed class Residual : Layer
{
    private readonly Slot<Layer> _inner;

    /// <summary>Creates a residual layer.</summary>
    /// <param name="inner">f, with as many features out as in.</param>
    /// <param name="name">f's name.</param>
    public Residual(Layer inner, string name = "fn") => _inner = AddChild(name, inner);

    /// <summary>f.</summary>
    public Layer Inner => _inner.Module;

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x)
    {
        ITensor y = Inner.Forward(pass, x);
        if (ReferenceEquals(x, y)) y = pass.Engine.Copy(x, x.ElementType);
        pass.Engine.AddScaled(1, x, 1, y);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient)
    {
        ITensor dx = Inner.Backward(pass, pass.Engine.Copy(gradient, gradient.ElementType));
        pass.Engine.AddScaled(1, gradient, 1, dx);
        gradient.Dispose();
        return dx;
    }
}
