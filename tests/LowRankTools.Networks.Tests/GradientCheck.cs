using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Tests;

/// <summary>
/// Gradients in float64 beside central differences: for L = sum of R y with a fixed random R, (L(p + h) - L(p - h)) / 2h is
/// dL/dp within h^2 and rounding.
/// </summary>
internal sealed class GradientCheck
{
    private const double Step = 1e-5, Tolerance = 2e-7;

    public static readonly INetworkEngine Engine = new EmbeddedEngine();

    /// <summary>Checks parameters and inputs.</summary>
    /// <param name="module">What is checked.</param>
    /// <param name="inputs">Inputs by name; differentiated too.</param>
    /// <param name="forward">The outputs of one pass.</param>
    /// <param name="backward">The gradients of the inputs, in their order, from that of the outputs; null where there is none.</param>
    public static void Run(Module module, ITensor[] inputs, Func<Pass, ITensor[], ITensor> forward, Func<Pass, ITensor, ITensor?[]> backward)
    {
        using Pass pass = Pass.Training(Engine, seed: 7);
        ITensor y = forward(pass, inputs);
        double[] weights = Random(99, (int)y.Length);
        ITensor?[] gradients = backward(pass, Engine.FromDoubles(weights, [.. y.Shape]));

        double Loss()
        {
            using Pass again = Pass.Training(Engine, seed: 7);
            return Engine.ToArray(forward(again, inputs)).Zip(weights, (value, weight) => value * weight).Sum();
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            if (gradients[i] is { } gradient) Compare($"input {i}", inputs[i], Engine.ToArray(gradient), Loss);
        }

        foreach ((string name, Parameter parameter) in module.StateDict().Where(p => p.Parameter.Trainable)) Compare(name, parameter.Value, Engine.ToArray(parameter.Gradient!), Loss);
        module.ClearGradients();
    }

    /// <summary>The same of a layer with one input of random entries.</summary>
    public static void Run(Layer layer, int tokens, int features)
    {
        using ITensor x = Tensor(3, tokens, features);
        Run(layer, [x], (pass, inputs) => layer.Forward(pass, inputs[0]), (pass, gradient) => [layer.Backward(pass, gradient)]);
    }

    public static ParameterFactory Factory(ulong seed = 11) => new(Engine, seed, ElementType.Float64);

    public static ITensor Tensor(ulong seed, params int[] shape) => Engine.FromDoubles(Random(seed, shape.Aggregate(1, (product, size) => product * size)), shape);

    public static double[] Random(ulong seed, int count)
    {
        double[] values = new double[count];
        new DeterministicRandom(seed).FillGaussian<double>(values);
        return values;
    }

    private static void Compare(string name, ITensor tensor, double[] gradient, Func<double> loss)
    {
        double scale = gradient.Max(Math.Abs) + 1e-3;
        for (int i = 0; i < gradient.Length; i++)
        {
            double up = Shifted(tensor, i, Step, loss), down = Shifted(tensor, i, -Step, loss), expected = (up - down) / (2 * Step);
            Assert.True(Math.Abs(expected - gradient[i]) <= Tolerance * scale, $"{name}[{i}]: {gradient[i]} is not {expected}");
        }
    }

    private static double Shifted(ITensor tensor, int index, double by, Func<double> loss)
    {
        double[] shift = new double[tensor.Length];
        shift[index] = by;
        using ITensor difference = Engine.FromDoubles(shift, [.. tensor.Shape]), before = Engine.Copy(tensor, ElementType.Float64);
        Engine.AddScaled(1, difference, 1, tensor);
        double result = loss();
        Engine.AddScaled(1, before, 0, tensor);
        return result;
    }
}
