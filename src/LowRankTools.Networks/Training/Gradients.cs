using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Training;

/// <summary>The gradients of all trainable parameters as one vector.</summary>
public static class Gradients
{
    /// <summary>Its Euclidean norm, summed in float64 in the order of the parameters.</summary>
    public static double Norm(INetworkEngine engine, Module module) => Math.Sqrt(All(module).Sum(engine.SumOfSquares));

    /// <summary>Multiplies it by a factor.</summary>
    public static void Scale(INetworkEngine engine, Module module, double factor)
    {
        if (factor == 1) return;
        foreach (ITensor gradient in All(module)) engine.AddScaled(factor, gradient, 0, gradient);
    }

    /// <summary>The factor that brings a norm down to a bound: min(1, bound / (norm + 1e-6)), as PyTorch has it (Pascanu et al., 2013).</summary>
    /// <param name="norm">The norm.</param>
    /// <param name="bound">Its bound, positive.</param>
    public static double ClipFactor(double norm, double bound) => Math.Min(1, bound / (norm + 1e-6));

    private static IEnumerable<ITensor> All(Module module) => module.Parameters().Where(p => p.Trainable).Select(p => p.Gradient).OfType<ITensor>();
}
