using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.Factored;

/// <summary>Gradients of factors, added where a layer keeps them.</summary>
internal static class FactorGradients
{
    public static void Add(INetworkEngine engine, ReadOnlySpan<Parameter> cores, ReadOnlySpan<ITensor> gradients)
    {
        for (int k = 0; k < cores.Length; k++)
        {
            if (cores[k].Trainable) engine.AddScaled(1, gradients[k], 1, cores[k].GradientOn(engine));
        }
    }
}
