using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Tests;

/// <summary>Steps beside their formulas in float64; clipping, schedule and order of the data.</summary>
public sealed class OptimizerTests
{
    private const int Count = 6;
    private static readonly INetworkEngine s_engine = new EmbeddedEngine();

    [Theory]
    [InlineData(0, false)]
    [InlineData(0.1, false)]
    [InlineData(0.1, true)]
    public void AdamW_is_its_formula(double decay, bool matricesOnly)
    {
        const double Rate = 0.01, B1 = 0.9, B2 = 0.99, Epsilon = 1e-6;
        using var adam = new Adam(new AdamSettings(Rate, decay, B1, B2, Epsilon), matricesOnly);
        using var module = new Linear(GradientCheck.Factory(), 2, 3);
        double[][] w = [Values(module.Weight), Values(module.Bias!)], m = [new double[6], new double[3]], s = [new double[6], new double[3]];
        for (int t = 1; t <= 4; t++)
        {
            adam.RateFactor = 1.0 / t;
            double rate = Rate / t;
            for (int p = 0; p < 2; p++)
            {
                double[] g = Gradient(p == 0 ? module.Weight : module.Bias!, (ulong)((10 * t) + p));
                for (int i = 0; i < g.Length; i++)
                {
                    m[p][i] = (B1 * m[p][i]) + ((1 - B1) * g[i]);
                    s[p][i] = (B2 * s[p][i]) + ((1 - B2) * g[i] * g[i]);
                    double unbiased = m[p][i] / (1 - Math.Pow(B1, t)), size = Math.Sqrt(s[p][i] / (1 - Math.Pow(B2, t))) + Epsilon;
                    w[p][i] -= rate * (matricesOnly && p == 1 ? 0 : decay) * w[p][i];
                    w[p][i] -= rate * unbiased / size;
                }
            }

            adam.Step(s_engine, module);
        }

        AssertClose(w[0], Values(module.Weight));
        AssertClose(w[1], Values(module.Bias!));
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(0.9, 0, false)]
    [InlineData(0.9, 0.2, false)]
    [InlineData(0.9, 0.2, true)]
    public void Momentum_is_its_formula(double momentum, double decay, bool nesterov)
    {
        const double Rate = 0.05;
        using var sgd = new Sgd(Rate, momentum, decay, nesterov);
        using var module = new Linear(GradientCheck.Factory(), 2, 3, bias: false);
        double[] w = Values(module.Weight), v = new double[Count];
        for (int t = 1; t <= 4; t++)
        {
            sgd.RateFactor = 1.0 / t;
            double[] g = Gradient(module.Weight, (ulong)t);
            for (int i = 0; i < Count; i++)
            {
                double full = g[i] + (decay * w[i]);
                v[i] = (momentum * v[i]) + full;
                w[i] -= Rate / t * (nesterov ? full + (momentum * v[i]) : v[i]);
            }

            sgd.Step(s_engine, module);
        }

        AssertClose(w, Values(module.Weight));
        Assert.Equal(momentum == 0 ? 0 : Count, sgd.MemoryLength);
    }

    [Theory]
    [InlineData(0.25)]
    [InlineData(1e3)]
    public void A_clipped_gradient_keeps_its_direction_and_its_bound(double bound)
    {
        using var module = new Linear(GradientCheck.Factory(), 2, 3);
        double[] all = [.. Gradient(module.Weight, 1), .. Gradient(module.Bias!, 2)];
        double norm = Math.Sqrt(all.Sum(g => g * g));
        Assert.Equal(norm, Gradients.Norm(s_engine, module), 1e-14);
        double factor = Gradients.ClipFactor(norm, bound);
        Gradients.Scale(s_engine, module, factor);
        AssertClose([.. all.Select(g => g * factor)], [.. s_engine.ToArray(module.Weight.Gradient!), .. s_engine.ToArray(module.Bias!.Gradient!)]);
        Assert.InRange(Gradients.Norm(s_engine, module), Math.Min(norm, bound) * (1 - 1e-5), Math.Min(norm, bound));
        module.Bias!.Trainable = false;
        Assert.Equal(Math.Sqrt(s_engine.ToArray(module.Weight.Gradient!).Sum(g => g * g)), Gradients.Norm(s_engine, module), 1e-14);
    }

    [Theory]
    [InlineData(0, 50, 0)]
    [InlineData(10, 50, 0.1)]
    [InlineData(50, 50, 0.1)]
    [InlineData(80, 50, 0)]
    public void The_rate_goes_up_to_one_and_down_to_its_floor(int warmup, int steps, double floor)
    {
        var schedule = new LearningRateSchedule(warmup, true, floor);
        double[] factors = [.. Enumerable.Range(1, steps).Select(step => schedule.Factor(step, steps))];
        Assert.All(factors, factor => Assert.InRange(factor, 0, 1));
        if (warmup is > 0 and <= 50) Assert.Equal(1, factors[warmup - 1]);
        if (warmup < steps) Assert.Equal(floor, factors[^1], 1e-15);
        int peak = Math.Min(warmup, steps);
        Assert.Equal(factors[..peak].Order(), factors[..peak]);
        Assert.Equal(factors[peak..].OrderDescending(), factors[peak..]);
        Assert.All(Enumerable.Range(1, 5), step => Assert.Equal(1, LearningRateSchedule.Constant.Factor(step, 5)));
    }

    [Fact]
    public void Every_example_comes_once_before_any_comes_again()
    {
        int[] all = new DataOrder(3, 10).Take(0, 30);
        for (int epoch = 0; epoch < 3; epoch++) Assert.Equal(Enumerable.Range(0, 10), all[(10 * epoch)..(10 * (epoch + 1))].Order());
        Assert.NotEqual(all[..10], all[10..20]);
        Assert.NotEqual(all[..10], Enumerable.Range(0, 10));
        Assert.NotEqual(all, new DataOrder(4, 10).Take(0, 30));
        var order = new DataOrder(3, 10);
        Assert.Equal(all[17..29], order.Take(17, 12));
        Assert.Equal(all[4..9], order.Take(4, 5));
    }

    // Sets the gradient of a parameter to random entries.
    private static double[] Gradient(Parameter parameter, ulong seed)
    {
        double[] values = GradientCheck.Random(seed, (int)parameter.Length);
        using ITensor tensor = s_engine.FromDoubles(values, [.. parameter.Shape]);
        s_engine.AddScaled(1, tensor, 0, parameter.GradientOn(s_engine));
        return values;
    }

    private static double[] Values(Parameter parameter) => s_engine.ToArray(parameter.Value);

    private static void AssertClose(double[] expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
}
