using System.Diagnostics;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Engines.Measuring;

/// <summary>
/// Times every engine that can compute here on truncated singular value decompositions and on networks, and keeps the times for <see cref="EngineKind.Auto"/>,
/// which then chooses by them. Takes a few seconds for each engine.
/// </summary>
public sealed class MeasureEngines
{
    /// <summary>Sizes and ranks, small and large share of the components: both routes of the truncation are among them.</summary>
    private static readonly (int Size, int Rank)[] s_works = [(128, 32), (512, 32), (1024, 64), (1024, 256), (2048, 512)];

    private static readonly int[] s_widths = [256, 768];

    /// <summary>Decay of the singular values, as trained layers have it.</summary>
    private const double Decay = 0.5;

    private const int Runs = 3;

    private readonly IReadOnlyCollection<string>? _names;
    private readonly EngineStore _store;
    private readonly EnginePlugin _plugin;

    /// <summary>Prepares a measurement.</summary>
    /// <param name="names">Names of the engines to measure; null for all. Times of others are kept as they are.</param>
    public MeasureEngines(IReadOnlyCollection<string>? names = null)
        : this(names, EngineStore.OfUser(), EnginePlugin.TorchSharp)
    {
    }

    internal MeasureEngines(IReadOnlyCollection<string>? names, EngineStore store, EnginePlugin plugin) => (_names, _store, _plugin) = (names, store, plugin);

    /// <summary>Full path of the file that keeps the times.</summary>
    public string Path => EngineTimes.PathIn(_store);

    /// <summary>Measures, and keeps what was measured in place of what was there of the same engines.</summary>
    /// <param name="progress">Told about every decomposition.</param>
    /// <param name="cancellationToken">Stops the mathematics too; nothing is kept then.</param>
    /// <returns>One entry for each engine, device and matrix.</returns>
    /// <exception cref="LowRankToolsException"><c>OutputNotWritable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<EngineTime> Run(IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        long start = Stopwatch.GetTimestamp();
        EngineInfo[] engines = [.. EngineList.List(_plugin).Where(e => e.Available && _names?.Contains(e.Name) != false)];
        double loading = Stopwatch.GetElapsedTime(start).TotalSeconds;
        List<EngineTime> times = [];
        foreach (EngineInfo info in engines)
        {
            SelectedEngine engine = EngineSelector.Select(Choice(info), _plugin);
            double starting = Starting(engine, cancellationToken) + (engine.IsEmbedded ? 0 : loading);
            EngineTime time = new()
            {
                Engine = info.Name, Device = info.Device, Version = info.Version, InstructionSet = info.InstructionSet, ThreadCount = info.ThreadCount,
                Work = EngineWork.TruncatedSvd, Size = 0, Seconds = 0, StartSeconds = starting,
            };
            foreach ((int size, int rank) in s_works)
            {
                Report($"{info.Name} on {info.Device}: {size} x {size} at rank {rank}");
                using Matrix<float> matrix = Made(size);
                times.Add(time with { Size = size, Rank = rank, Seconds = Best(() => Svd(engine, matrix, rank, cancellationToken)) });
            }
            foreach (int width in s_widths)
            {
                Report($"{info.Name} on {info.Device}: layers of width {width}");
                using ForwardRun run = new(engine, width);
                run.Seconds(cancellationToken);
                times.Add(time with { Work = EngineWork.Forward, Size = width, Seconds = Best(() => run.Seconds(cancellationToken)) });
            }
        }
        EngineTimes.Write(_store, [.. times, .. EngineTimes.Read(_store)?.OfOthers([.. engines.Select(e => e.Name)]) ?? []]);
        return times.ToArray();

        void Report(string work) => progress?.Report(new OperationProgress("Measuring", work, times.Count, engines.Length * (s_works.Length + s_widths.Length)));
    }

    private static double Best(Func<double> seconds) => Enumerable.Range(0, Runs).Min(_ => seconds());

    private static Matrix<float> Made(int size) => SpectralMatrix.Create(size, size, Decay, 1, seed: size);

    /// <summary>How much longer the first computation takes than the second.</summary>
    private static double Starting(SelectedEngine engine, CancellationToken cancellationToken)
    {
        (int size, int rank) = s_works[0];
        using Matrix<float> matrix = Made(size);
        double first = Svd(engine, matrix, rank, cancellationToken);
        return Math.Max(0, first - Svd(engine, matrix, rank, cancellationToken));
    }

    private static EngineChoice Choice(EngineInfo info) =>
        new() { Engine = info.Name == EngineCatalog.Embedded.Name ? EngineKind.Embedded : EngineKind.TorchSharp, Device = info.Device };

    /// <summary>Time of one matrix. On the processor there is one layer a thread, so the time is its share of so many side by side.</summary>
    private static double Svd(SelectedEngine engine, Matrix<float> matrix, int rank, CancellationToken cancellationToken)
    {
        int copies = engine.HasOwnMemory ? 1 : engine.Info.ThreadCount;
        long start = Stopwatch.GetTimestamp();
        Task[] running = [.. Enumerable.Range(0, copies).Select(_ => Task.Run(() => Compute(engine, matrix, rank, copies == 1 ? 0 : 1, cancellationToken), cancellationToken))];
        Task.WhenAll(running).GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / copies;
    }

    private static void Compute(SelectedEngine selected, Matrix<float> matrix, int rank, int threads, CancellationToken cancellationToken)
    {
        SvdOptions options = SvdOptions.Default with { ThreadCount = threads };
        ITensorEngine engine = selected.Create(threads, options.Seed);
        using ITensor loaded = engine.Load(matrix.View);
        TruncatedSvd.Compute(engine, loaded, new RankTarget.Rank(rank), options, null, cancellationToken).Dispose();
    }
}
