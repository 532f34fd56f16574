using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Benchmarks;

/// <summary>The blocks of a transformer of width 512 on 1024 tokens, forward and with the way back, beside PyTorch's modules.</summary>
internal static class NetworkBenchmark
{
    private const int Tokens = 1024, Width = 512, Heads = 8, Runs = 9;

    private const string Peer = """
        import sys, time, torch
        kept = {}
        def block(kind):
            if kept.get('path') != kind:
                nn = torch.nn; heads, width, n = 8, 512, 1024
                class Attend(nn.Module):
                    def __init__(self):
                        super().__init__(); self.q, self.k, self.v = (nn.Linear(width, width, bias=False) for _ in range(3)); self.o = nn.Linear(width, width)
                    def forward(self, x):
                        q, k, v = (p(x).view(n, heads, -1).transpose(0, 1) for p in (self.q, self.k, self.v))
                        s = q @ k.transpose(1, 2) * 0.125
                        if kind == 'causal': s = s.masked_fill(mask, float('-inf'))
                        return self.o((s.softmax(-1) @ v).transpose(0, 1).reshape(n, width))
                mask = torch.ones(n, n, dtype=torch.bool).triu(1)
                make = dict(attention=Attend, causal=Attend, layernorm=lambda: nn.LayerNorm(width), gelu=nn.GELU,
                    feedforward=lambda: nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)),
                    linear=lambda: nn.Linear(width, width), pair=lambda: nn.Sequential(nn.Linear(width, 64), nn.Linear(64, width)))
                kept.clear(); kept.update(path=kind, module=make[kind](), x=torch.randn(n, 2048 if kind == 'gelu' else width, requires_grad=True))
            return kept['module'], kept['x']
        def network(kind, backward):
            module, x = block(kind); t = time.perf_counter()
            if backward == '1': module(x).sum().backward()
            else:
                with torch.no_grad(): module(x)
            return time.perf_counter() - t
        for line in sys.stdin: print(network(*line.split()), 0.0, flush=True)
        """;

    public static void Run()
    {
        var engine = new EmbeddedEngine();
        var factory = new ParameterFactory(engine, 1);
        foreach (int threads in new[] { Math.Min(2, Environment.ProcessorCount) })
        {
            List<PeerProcess> peers = PeerProcess.Start(threads, Peer);
            Timing.Print($"   {Tokens} tokens, {threads} thread(s), forward and forward + backward");
            using var linear = new Linear(factory, Width, Width);
            using var pair = new LowRankLinear(factory, Width, Width, 64, firstBias: true);
            using var feedForward = new FeedForward(new Linear(factory, Width, 4 * Width), new Linear(factory, 4 * Width, Width));
            using var norm = new LayerNorm(factory, Width);
            using var gelu = new ActivationLayer(Activation.Gelu);
            double flops = 2.0 * Tokens * Width * Width, scores = 4.0 * Tokens * Tokens * Width;
            Row("linear", linear, engine, peers, flops);
            Row("pair", pair, engine, peers, flops / 4);
            Row("feedforward", feedForward, engine, peers, 8 * flops);
            Row("attention", new SelfAttention(factory, false), engine, peers, (4 * flops) + scores);
            Row("causal", new SelfAttention(factory, true), engine, peers, (4 * flops) + (scores / 2));
            Row("layernorm", norm, engine, peers, 0);
            Row("gelu", gelu, engine, peers, 0, 4 * Width);
            foreach (PeerProcess peer in peers) peer.Dispose();
        }
    }

    private static void Row(string kind, Layer layer, EmbeddedEngine engine, List<PeerProcess> peers, double flops, int width = Width)
    {
        using ITensor x = engine.Random(1, Tokens, width);
        foreach (bool backward in new[] { false, true })
        {
            void Ours()
            {
                using Pass pass = backward ? Pass.Training(engine) : Pass.Inference(engine);
                ITensor y = layer.Forward(pass, x);
                if (backward)
                {
                    engine.Fill(y, 1);
                    layer.Backward(pass, y).Dispose();
                }
                else
                {
                    y.Dispose();
                }
            }

            (double ours, (string Name, double Seconds, double Error)? best) = PeerProcess.Alternate(Runs, Ours, peers, $"{kind} {(backward ? 1 : 0)}");
            string rate = flops > 0 ? $", {flops * (backward ? 3 : 1) / ours / 1e9:0} GFLOP/s" : string.Empty;
            string name = kind + (backward ? " and back" : string.Empty);
            if (best is not { } peer) Timing.Print($"   {name,-22} {1e3 * ours,7:0.00} ms{rate}");
            else Timing.Print($"   {name,-22} {1e3 * ours,7:0.00} ms{rate}; PyTorch ({peer.Name}) {1e3 * peer.Seconds:0.00} ms: {peer.Seconds / ours:0.00} times as fast");
        }
    }

    /// <summary>Attention of tokens to each other as a layer.</summary>
    private sealed class SelfAttention : Layer
    {
        private readonly Slot<MultiHeadAttention> _attention;

        public SelfAttention(ParameterFactory factory, bool causal) => _attention = AddChild("attention", new MultiHeadAttention(
            new AttentionOptions(Heads) { Causal = causal },
            new Linear(factory, Width, Width, false),
            new Linear(factory, Width, Width, false),
            new Linear(factory, Width, Width, false),
            new Linear(factory, Width, Width)));

        public override ITensor Forward(Pass pass, ITensor x) => _attention.Module.Forward(pass, x);

        public override ITensor Backward(Pass pass, ITensor gradient) => _attention.Module.Backward(pass, gradient).X;
    }
}
