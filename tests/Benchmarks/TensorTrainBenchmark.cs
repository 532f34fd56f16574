using System.Diagnostics;
using LowRankTools.Decompositions;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.TensorTrain;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Benchmarks;

/// <summary>
/// A layer of 1024 to 1024 on 256 tokens, forward: as a TT-matrix of ranks 16 in the order that it chooses and in every other one, dense, and as a pair of rank 16, in turns.
/// </summary>
internal static class TensorTrainBenchmark
{
    private const int Runs = 15, Size = 1024, Rank = 16, Tokens = 256;

    public static void Run()
    {
        var engine = new EmbeddedEngine();
        var factory = new ParameterFactory(engine, 1);
        using var dense = new Linear(factory, Size, Size, bias: false);
        using var pair = new LowRankLinear(factory, Size, Size, Rank, bias: false);
        (TensorTrainLinear train, double error) = TensorTrainLinear.FromDense(engine, dense, new DecompositionOptions { Ranks = [Rank, Rank, Rank] });
        using ITensor x = engine.Random(3, Tokens, Size);
        List<(string Name, Action Run)> all =
        [
            ("dense", () => Forward(dense)),
            ("pair of rank 16", () => Forward(pair)),
            ("TT-matrix", () => Forward(train)),
            .. TensorTrainOrder.All([.. train.Cores.Select(c => c.Shape.ToArray())], Tokens).Select(order => ($"  {order.Text}, {order.Program.Products / 1e6:0} M multiply-adds", (Action)(() =>
                order.Program.Run(engine, [x, .. train.Cores.Select(c => c.Value)], default).Dispose()))),
        ];
        List<double>[] times = [.. all.Select(_ => new List<double>())];
        for (int run = 0; run <= Runs; run++)
        {
            for (int i = 0; i < all.Count; i++)
            {
                var watch = Stopwatch.StartNew();
                all[i].Run();
                if (run > 0) times[i].Add(watch.Elapsed.TotalMilliseconds);
            }
        }

        double[] best = [.. times.Select(t => t.Order().ElementAt(t.Count / 2))];
        (string chosen, double products) = train.OrderFor(Tokens);
        Timing.Print($"   {Size} to {Size}, {Tokens} tokens, ranks {Rank}: {train.Cores.Sum(c => c.Length):#,0} parameters of {dense.CountParameters():#,0}, error {error:0.000} of a random weight; chosen: {chosen}, {products / 1e6:0} M multiply-adds");
        for (int i = 0; i < all.Count; i++) Timing.Print($"   {all[i].Name}: {best[i]:0.00} ms, {best[i] / best[0]:0.00} of dense");
        Timing.Print($"   TT-matrix over the best order: {best[2] / best.Skip(3).Min():0.00}; over what its products take at dense speed: {best[2] / (best[0] * products / ((double)Tokens * Size * Size)):0.00} (goal 1.3)");
        Console.WriteLine(best[2] > best[0] ? "   verdict: dense is faster; the TT-matrix saves memory, and no time" : "   verdict: the TT-matrix is faster than dense");

        void Forward(LinearLayer layer)
        {
            using Pass pass = Pass.Inference(engine);
            layer.Forward(pass, x).Dispose();
        }
    }
}
