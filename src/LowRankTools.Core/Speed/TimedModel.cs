using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Surgery;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Memory;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Speed;

/// <summary>A model in memory, ready to run forward over and over.</summary>
internal sealed class TimedModel : IDisposable
{
    private readonly RunnableModel _model;
    private readonly int? _rank;
    private readonly int _batchSize;
    private readonly NetworkBatch _batch;

    private TimedModel(RunnableModel model, int? rank, int batchSize, NetworkBatch batch) =>
        (_model, _rank, _batchSize, _batch) = (model, rank, batchSize, batch);

    /// <summary>Loads a model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="engine">What will compute.</param>
    /// <param name="rank">Rank that its linear layers are brought to where that makes them smaller; null to leave them.</param>
    /// <param name="options">Input.</param>
    /// <param name="progress">Told about every tensor.</param>
    /// <param name="ct">Stops loading.</param>
    public static TimedModel Load(ModelSource source, INetworkEngine engine, int? rank, ModelSpeedOptions options, IProgress<OperationProgress>? progress, CancellationToken ct)
    {
        RunnableModel model = RunnableModel.Open(source, engine, progress, ct);
        try
        {
            NetworkBatch batch = NetworkBatch.MadeUp(model.Config, options.BatchSize, options.LengthFor(model.Config));
            if (rank is { } r)
                model.Network.FactorizeLinear(engine, r, ct: ct);
            return new TimedModel(model, rank, options.BatchSize, batch);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>One run.</summary>
    public void Forward(CancellationToken ct)
    {
        using NetworkOutput output = _model.Forward(_batch, ct);
        DeviceWait.For(_model.Engine, output.Result);
    }

    /// <summary>One run that is looked at: what it does, and what memory it takes where the embedded engine computes; other engines have memory of their own.</summary>
    public (LayerWork Work, long? Bytes) Observe(SelectedEngine engine, int threads, CancellationToken ct)
    {
        WorkCounter counter = new();
        long before = NativeMemoryUse.Bytes;
        NativeMemoryUse.ResetPeak();
        using (Pass pass = Pass.Inference(engine.CreateForNetworks(threads, counter), ct))
            _model.Network.Forward(pass, _batch).Dispose();
        return (new LayerWork(counter.Flops, counter.Bytes), engine.IsEmbedded ? NativeMemoryUse.Peak - before : null);
    }

    /// <summary>What became of it.</summary>
    public ModelSpeed Result(RunTimes times, RunTimes? first, (LayerWork Work, long? Bytes) observed) => new()
    {
        Path = _model.Source.Path,
        Name = _model.Source.Name,
        Architecture = _model.Config.ModelType,
        Rank = _rank,
        Pairs = _model.Network.Modules().Count(m => m.Module is LowRankLinear),
        Parameters = _model.Parameters,
        BatchSize = _batchSize,
        Tokens = _batch.TokenCount,
        Times = times,
        SpeedUp = first is null ? null : first.MedianSeconds / times.MedianSeconds,
        Work = observed.Work,
        ParameterBytes = _model.ParameterBytes,
        ForwardBytes = observed.Bytes,
        Engine = $"{_model.Engine.Info.Name} on {_model.Engine.Info.Device}",
        InstructionSet = _model.Engine.Info.InstructionSet,
        ThreadCount = _model.Engine.Info.ThreadCount,
    };

    public void Dispose() => _model.Dispose();
}
