using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Networks.Tests;

/// <summary>What the tests of LoRA share.</summary>
internal static class LoraTestNetworks
{
    public static readonly INetworkEngine Engine = new EmbeddedEngine();

    /// <summary>Gives A and B normal entries, as if they had been trained.</summary>
    public static void Randomize(Module root, ulong seed = 21)
    {
        foreach (Parameter parameter in root.LoraLayers().SelectMany(layer => (Parameter[])[layer.A, layer.B]))
            Set(parameter, seed++, 0.3);
    }

    public static void Set(Parameter parameter, ulong seed, double size)
    {
        ElementType type = parameter.Value.ElementType;
        double[] values = GradientCheck.Random(seed, (int)parameter.Length);
        using ITensor wide = Engine.FromDoubles([.. values.Select(v => v * size)], [.. parameter.Shape]);
        parameter.Value = Engine.Copy(wide, type);
    }

    public static double[] Values(Parameter parameter) => Engine.ToArray(parameter.Value);

    public static double[] Outputs(Layer layer, int features, bool training = false)
    {
        using Pass pass = training ? Pass.Training(Engine, 5) : Pass.Inference(Engine);
        using ITensor single = Engine.Random(3, 6, features), x = Engine.Copy(single, layer.Parameters().First().Value.ElementType), y = layer.Forward(pass, x);
        return Engine.ToArray(y);
    }

    /// <summary>Asserts that two outputs are one up to rounding of sums of <paramref name="terms"/> terms.</summary>
    public static void AssertClose(double[] expected, double[] actual, double epsilon, int terms = 64)
    {
        Assert.Equal(expected.Length, actual.Length);
        double scale = expected.Max(Math.Abs) + 1e-30;
        Assert.All(expected.Zip(actual), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= terms * epsilon * scale, $"{pair.First} is not {pair.Second}"));
    }
}
