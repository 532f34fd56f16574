using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>x + f(norm(x)), the step that pre-norm transformers are made of, and its way back.</summary>
internal static class ResidualStep
{
    /// <summary>y = x + f(norm(x)); x is released.</summary>
    public static ITensor Forward(Pass pass, ITensor x, Layer norm, Func<ITensor, ITensor> f)
    {
        ITensor normalized = norm.Forward(pass, x);
        ITensor y = f(normalized);
        pass.Release(normalized);
        Add(pass, x, y);
        return y;
    }

    /// <summary>dx = dy + the way back through f and the normalisation.</summary>
    public static ITensor Backward(Pass pass, ITensor gradient, Layer norm, Func<ITensor, ITensor> f)
    {
        ITensor dx = norm.Backward(pass, f(pass.Engine.Copy(gradient, gradient.ElementType)));
        Add(pass, gradient, dx);
        return dx;
    }

    /// <summary>sum += x; x is released.</summary>
    public static void Add(Pass pass, ITensor x, ITensor sum)
    {
        pass.Engine.AddScaled(1, x, 1, sum);
        pass.Release(x);
    }
}
