using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Benchmarks;

/// <summary>
/// The seed notebook's encoder-decoder of 45,555,200 parameters, dense and with pairs of rank 64: forward on two sequences of
/// 1024 tokens, and forward and back on 256, on each engine beside the same network in PyTorch.
/// </summary>
internal static class TransformerBenchmark
{
    private const int Runs = 3, Rank = 64;

    private const string Peer = """
        import sys, time, torch
        nn = torch.nn; width, heads, depth = 512, 8, 6; kept = {}
        def linear(i, o, rank, bias=True): return nn.Sequential(nn.Linear(i, rank), nn.Linear(rank, o)) if rank else nn.Linear(i, o, bias=bias)
        class Attention(nn.Module):
            def __init__(self, rank, causal):
                super().__init__(); self.causal = causal
                self.q, self.k, self.v = (linear(width, width, rank, False) for _ in range(3)); self.o = linear(width, width, rank)
            def forward(self, x, c):
                q, k, v = (f(t).view(t.shape[0], t.shape[1], heads, -1).transpose(1, 2) for f, t in ((self.q, x), (self.k, c), (self.v, c)))
                s = q @ k.transpose(-1, -2) * 0.125
                if self.causal: s = s.masked_fill(torch.ones(s.shape[-2:], dtype=torch.bool).triu(1), float('-inf'))
                return self.o((s.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))
        class Side(nn.Module):
            def __init__(self, rank, decoder):
                super().__init__(); self.decoder = decoder
                self.t, self.p = nn.Embedding(256, width), nn.Embedding(1024, width)
                def steps(): return ([Attention(rank, True), Attention(rank, False)] if decoder else [Attention(rank, False)]) + [nn.Sequential(linear(width, 4 * width, rank), nn.GELU(), linear(4 * width, width, rank))]
                self.f = nn.ModuleList([f for _ in range(depth) for f in steps()]); self.n = nn.ModuleList([nn.LayerNorm(width) for _ in self.f])
                self.last, self.head = nn.LayerNorm(width), linear(width, 256, rank)
            def forward(self, ids, memory=None):
                x = self.t(ids) + self.p(torch.arange(ids.shape[1])) * width ** -0.5
                for i, (n, f) in enumerate(zip(self.n, self.f)):
                    y = n(x); x = x + (f(y, memory if self.decoder and i % 3 == 1 else y) if isinstance(f, Attention) else f(y))
                return self.last(x)
        def run(rank, tokens, back):
            if kept.get('rank') != rank: kept.clear(); kept.update(rank=rank, e=Side(rank, False), d=Side(rank, True))
            e, d, ids = kept['e'], kept['d'], torch.randint(0, 256, (1, tokens)); t = time.perf_counter()
            with torch.set_grad_enabled(back == 1):
                loss = nn.functional.cross_entropy(d.head(d(ids, e(ids)))[0], ids[0])
                if back: loss.backward()
            return time.perf_counter() - t
        for line in sys.stdin: print(run(*map(int, line.split())), 0.0, flush=True)
        """;

    public static void Run()
    {
        int threads = Math.Min(2, Environment.ProcessorCount);
        List<PeerProcess> peers = PeerProcess.Start(threads, Peer);
        Run(new EmbeddedEngine(), threads, peers, dense: 2.5, pairs: 4, back: 1);
        if (TorchSharpEngine.Create(threads) is { } torch) Run(torch, threads, peers, dense: 1 / 1.1, pairs: 1 / 1.1, back: 1 / 1.1);
        foreach (PeerProcess peer in peers) peer.Dispose();
    }

    private static void Run(INetworkEngine engine, int threads, List<PeerProcess> peers, double dense, double pairs, double back)
    {
        Timing.Print($"   {engine.Info.Name}");
        using var model = new EncoderDecoder(new ParameterFactory(engine, 1), new EncoderDecoderConfig());
        double[] forward = new double[2];
        for (int i = 0; i < 2; i++)
        {
            if (i == 1) model.FactorizeLinear(engine, Rank, new FactorizeLinearOptions { Initialization = PairInitialization.Random, Bias = PairBias.Both });
            string name = i == 0 ? "dense" : $"rank {Rank}";
            Timing.Print($"   {name}: {model.CountParameters():#,0} parameters, {threads} threads");
            forward[i] = Row(engine, model, i * Rank, 1024, false, peers, i == 0 ? dense : pairs);
            Row(engine, model, i * Rank, 256, true, peers, back);
        }
        Timing.Print($"   our dense over our rank {Rank}, forward: {forward[0] / forward[1]:0.00} (goal 2.1 on the embedded engine)");
    }

    private static double Row(INetworkEngine engine, EncoderDecoder model, int rank, int tokens, bool back, List<PeerProcess> peers, double goal)
    {
        var batch = (PairBatch)NetworkBatch.MadeUp(new EncoderDecoderConfig(), 1, tokens);
        void Ours()
        {
            using Pass pass = back ? Pass.Training(engine) : Pass.Inference(engine);
            NetworkOutput output = model.Forward(pass, batch);
            (_, ITensor? gradient) = CrossEntropyLoss.Compute(pass, output.Logits!, batch.Target.Ids);
            if (gradient is not null) model.Backward(pass, gradient);
            pass.Release(output.Hidden);
            model.ClearGradients();
        }

        (double ours, (string Name, double Seconds, double Error)? best) = PeerProcess.Alternate(Runs, Ours, peers, $"{rank} {tokens} {(back ? 1 : 0)}");
        string name = back ? "forward and back" : "forward";
        if (best is not { } peer) Timing.Print($"     {name} on (1,{tokens}): {1e3 * ours:0} ms");
        else Timing.Print($"     {name} on (1,{tokens}): {1e3 * ours:0} ms; PyTorch {1e3 * peer.Seconds:0} ms: {peer.Seconds / ours:0.00} times as fast (goal {goal:0.##})");
        return ours;
    }
}
