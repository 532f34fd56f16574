using System.Globalization;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>One layer and its pairs, with random numbers, ready to be called over and over.</summary>
internal sealed class LayerBench : IDisposable
{
    private readonly ITensorEngine _engine;
    private readonly MatrixShape _shape;
    private readonly int _batch;
    private readonly CancellationToken _ct;
    private readonly List<ITensor> _tensors = [];
    private readonly ITensor _input, _output;

    /// <summary>Makes input and output (batch x features).</summary>
    /// <exception cref="LowRankToolsException"><c>LayerTooLarge</c>.</exception>
    public LayerBench(ITensorEngine engine, MatrixShape shape, int batch, CancellationToken ct)
    {
        (_engine, _shape, _batch, _ct) = (engine, shape, batch, ct);
        RequireRoom();
        _input = Random(batch, shape.InFeatures);
        _output = Keep(engine.Create(ElementType.Float32, batch, shape.OutFeatures));
    }

    /// <summary>One call of the dense layer.</summary>
    public Action Dense()
    {
        ITensor weight = Keep(_engine.Transpose(Random(_shape.OutFeatures, _shape.InFeatures)));
        return () =>
        {
            _engine.MatMul(1, _input, weight, 0, _output, _ct);
            DeviceWait.For(_engine, _output);
        };
    }

    /// <summary>One call of the pair: two products, the first one's result between them.</summary>
    public Action Pair(int rank)
    {
        ITensor first = Keep(_engine.Transpose(Random(rank, _shape.InFeatures)));
        ITensor second = Keep(_engine.Transpose(Random(_shape.OutFeatures, rank)));
        ITensor between = Keep(_engine.Create(ElementType.Float32, _batch, rank));
        return () =>
        {
            _engine.MatMul(1, _input, first, 0, between, _ct);
            _engine.MatMul(1, between, second, 0, _output, _ct);
            DeviceWait.For(_engine, _output);
        };
    }

    public void Dispose()
    {
        // Views go before what they look at.
        for (int i = _tensors.Count - 1; i >= 0; i--)
            _tensors[i].Dispose();
    }

    private static string Gigabytes(double bytes) => (bytes / (1 << 30)).ToString("0.0", CultureInfo.InvariantCulture) + " GB";

    private ITensor Random(int rows, int columns) => Keep(_engine.Random((ulong)_tensors.Count, rows, columns));

    private ITensor Keep(ITensor tensor)
    {
        _tensors.Add(tensor);
        return tensor;
    }

    private void RequireRoom()
    {
        // The weight, input and output, and pairs of several ranks, of which the largest has as many numbers as the weight.
        double m = _shape.OutFeatures, n = _shape.InFeatures, needed = 4 * sizeof(float) * (m * n + _batch * (m + n));
        double room = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > room)
        {
            throw new LowRankToolsException(CoreErrors.LayerTooLarge, $"A layer of {_shape} on {_batch} tokens takes {Gigabytes(needed)} to be timed; this machine has {Gigabytes(room)}.",
                "Measure a smaller layer, or fewer tokens with -BatchSize.");
        }
    }
}
