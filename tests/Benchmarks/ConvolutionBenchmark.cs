using System.Diagnostics;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Benchmarks;

/// <summary>A convolution 128 x 128 x 3 x 3 on one image of 64 x 64, forward: dense, and as each chain of 0.4 of its parameters, in turns.</summary>
internal static class ConvolutionBenchmark
{
    private const int Runs = 15, Channels = 128, Side = 64;
    private const double Kept = 0.4;

    public static void Run()
    {
        var engine = new EmbeddedEngine();
        var factory = new ParameterFactory(engine, 1);
        var walk = new ConvolutionOptions { Padding = (1, 1), Bias = false };
        KernelShape kernel = new(Channels, Channels, 3, 3);
        using var dense = new Conv2d(factory, Channels, Channels, (3, 3), walk);
        FactorizedConv2d[] chains = [.. ConvolutionMethods.All.Select(m => new FactorizedConv2d(factory, m, kernel, m.RanksWithin(kernel, Kept * kernel.Length), walk))];
        using ITensor x = engine.Random(3, Side * Side, Channels);
        ConvolutionShape shape = dense.Shape(Side, Side);
        Action[] all = [() => Forward(pass => dense.Forward(pass, x, shape)), .. chains.Select(chain => (Action)(() => Forward(pass => chain.Forward(pass, x, shape))))];
        List<double>[] times = [.. all.Select(_ => new List<double>())];
        for (int run = 0; run <= Runs; run++)
        {
            for (int i = 0; i < all.Length; i++)
            {
                var watch = Stopwatch.StartNew();
                all[i]();
                if (run > 0) times[i].Add(watch.Elapsed.TotalMilliseconds);
            }
        }

        double[] middle = [.. times.Select(t => t.Order().ElementAt(t.Count / 2))];
        Timing.Print($"   {kernel} on {Side} x {Side}: dense {middle[0]:0.00} ms");
        for (int i = 0; i < chains.Length; i++)
        {
            double arithmetic = (double)kernel.Length / chains[i].CountParameters();
            Timing.Print($"   {chains[i].Method} {string.Join(" x ", chains[i].Ranks)}: {middle[i + 1]:0.00} ms, {middle[0] / middle[i + 1]:0.00} times as fast as dense, {arithmetic:0.00} by arithmetic");
        }

        foreach (FactorizedConv2d chain in chains) chain.Dispose();

        void Forward(Func<Pass, ITensor> forward)
        {
            using Pass pass = Pass.Inference(engine);
            forward(pass).Dispose();
        }
    }
}
