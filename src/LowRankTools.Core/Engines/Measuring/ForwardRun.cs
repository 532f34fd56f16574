using System.Diagnostics;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Engines.Measuring;

/// <summary>Two layers of BERT's shape with random weights, to be run forward on 256 tokens.</summary>
internal sealed class ForwardRun : IDisposable
{
    private const int Tokens = 256, Vocabulary = 128, HeadWidth = 64;

    private readonly INetworkEngine _engine;
    private readonly Bert _network;
    private readonly TokenBatch _batch = new([.. Enumerable.Range(0, Tokens).Select(i => i % Vocabulary)]);

    /// <summary>Makes the layers.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="width">A multiple of 64.</param>
    public ForwardRun(SelectedEngine engine, int width)
    {
        _engine = engine.CreateForNetworks(threads: 0);
        _network = new Bert(new ParameterFactory(_engine), new BertConfig { Vocabulary = Vocabulary, Width = width, Depth = 2, Heads = width / HeadWidth, Hidden = 4 * width, Positions = Tokens, HasPooler = false });
    }

    /// <summary>Seconds of one run.</summary>
    public double Seconds(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        using (Pass pass = Pass.Inference(_engine, cancellationToken))
        using (NetworkOutput output = _network.Forward(pass, _batch))
            DeviceWait.For(_engine, output.Result);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();
}
