using System.Collections.Immutable;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.Measuring;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Tests.Engines;

/// <summary>Which engine computes which layer, by times that a test made up and this test assembly as the other engine.</summary>
public sealed class LayerEnginesTests : IDisposable
{
    private static readonly EnginePlugin s_plugin = new("TorchSharp", AppContext.BaseDirectory, typeof(LayerEnginesTests).Assembly.GetName().Name!);
    private static readonly string[] s_names = ["small", "large"];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private EngineStore Store => new(_folder["engines"]);

    [Fact]
    public void Without_times_the_embedded_engine_computes() => Assert.Equal("Embedded on cpu", Choose(new EngineChoice()).ToString());

    [Theory]
    [InlineData(1, 1, 0, "Embedded on cpu")]
    [InlineData(0.1, 0.1, 0, "Plugged on cuda:0")]
    [InlineData(0.1, 0.1, 1e5, "Embedded on cpu")]
    [InlineData(10, 0.01, 0, "Plugged on cuda:0 (1 of 2 layers), Embedded on cpu")]
    [InlineData(10, 0.01, 1e5, "Embedded on cpu")]
    public void The_least_time_for_all_layers_wins_and_small_layers_stay_where_they_are_fast(double small, double large, double start, string expected)
    {
        Measured(small, large, start);
        LayerEngines engines = Choose(new EngineChoice());
        Assert.Equal(expected, engines.ToString());
        Assert.Equal(expected.StartsWith("Embedded", StringComparison.Ordinal), AllEmbedded(engines));
        if (engines.AreMixed)
            Assert.Equal([true, false], s_names.Select(n => engines.Of(n).IsEmbedded));
    }

    [Fact]
    public void An_order_is_an_order_whatever_was_measured()
    {
        Measured(0.1, 0.1, 0);
        Assert.Equal("Embedded on cpu", Choose(new EngineChoice { Engine = EngineKind.Embedded }).ToString());
        Assert.Equal("Embedded on cpu", Choose(new EngineChoice { Device = "cpu" }).ToString());
        Assert.Equal("Embedded on cpu", Choose(new EngineChoice(), threads: 1).ToString());
        Measured(10, 10, 0);
        Assert.Equal("Plugged on cpu", Choose(new EngineChoice { Engine = EngineKind.TorchSharp }).ToString());
    }

    [Fact]
    public void Times_of_another_version_or_another_number_of_threads_do_not_count()
    {
        Measured(0.1, 0.1, 0, other: t => t with { Version = "0.0" });
        Assert.True(AllEmbedded(Choose(new EngineChoice())));
        Measured(0.1, 0.1, 0, own: t => t with { ThreadCount = t.ThreadCount + 1 });
        Assert.True(AllEmbedded(Choose(new EngineChoice())));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("[null]")]
    [InlineData("[{\"Engine\":\"Embedded\"}]")]
    public void A_damaged_file_is_no_file(string content)
    {
        Directory.CreateDirectory(Store.Root);
        File.WriteAllText(EngineTimes.PathIn(Store), content);
        Assert.Null(EngineTimes.Read(Store));
        Assert.True(AllEmbedded(Choose(new EngineChoice())));
    }

    [Fact]
    public void What_does_not_fit_on_the_device_is_computed_by_the_embedded_engine()
    {
        LayerEngines engines = Choose(new EngineChoice { Engine = EngineKind.TorchSharp, Device = "cuda:0" });
        string Full(SelectedEngine engine) => engine.IsEmbedded ? engine.ToString() : throw new LowRankToolsException(CoreErrors.DeviceMemoryExhausted, "full", "");
        Assert.Empty(engines.Note);
        Assert.Equal("Embedded on cpu", engines.Compute("large", Full));
        Assert.Contains("large", engines.Note, StringComparison.Ordinal);
        Assert.Equal("Plugged on cuda:0", engines.Compute("small", e => e.ToString()));
        Assert.Throws<LowRankToolsException>(() => engines.Compute<int>("large", _ => throw new LowRankToolsException("EngineFailed", "", "")));
    }

    [Fact]
    public void The_processor_computes_as_many_layers_side_by_side_as_it_is_given()
    {
        LayerEngines engines = Choose(new EngineChoice { Engine = EngineKind.TorchSharp, Device = "cpu" });
        const int Layers = LayerEngines.LayersOnDevice + 1;
        using Barrier all = new(Layers);
        bool[] met = new bool[Layers];
        // All of them wait inside for one another.
        Thread[] threads = [.. Enumerable.Range(0, Layers).Select(i => new Thread(() => met[i] = engines.Compute("large", _ => all.SignalAndWait(TimeSpan.FromMinutes(1)))))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.All(met, Assert.True);
    }

    [Theory]
    [InlineData(0.51, true)]
    [InlineData(0.49, false)]
    public void Networks_run_elsewhere_where_that_is_twice_as_fast(double forward, bool embedded)
    {
        Measured(1, 1, 0, other: t => t.Work == EngineWork.Forward ? t with { Seconds = forward } : t);
        Assert.Equal(embedded, EngineSelector.SelectForNetworks(new EngineChoice(), 0, Store, s_plugin).IsEmbedded);
        Assert.True(EngineSelector.SelectForNetworks(new EngineChoice { Device = "cpu" }, 0, Store, s_plugin).IsEmbedded);
    }

    [Fact]
    public void Measured_engines_are_measured_on_everything_and_the_times_are_read_again()
    {
        IReadOnlyList<EngineTime> times = new MeasureEngines(null, Store, s_plugin).Run();
        Assert.Equal([("Embedded", "cpu"), ("Plugged", "cpu"), ("Plugged", "cuda:0")], times.Select(t => (t.Engine, t.Device)).Distinct());
        Assert.Single(times.GroupBy(t => (t.Engine, t.Device)).Select(g => string.Join(' ', g.Select(t => (t.Work, t.Size, t.Rank)))).Distinct());
        Assert.All(times, t => Assert.True(t.Seconds > 0));
        EngineTimes read = Assert.IsType<EngineTimes>(EngineTimes.Read(Store));
        Assert.True(read.Knows(EngineCatalog.Embedded));
        // Measuring one engine again keeps the others' times.
        IReadOnlyList<EngineTime> own = new MeasureEngines(["Embedded"], Store, s_plugin).Run();
        Assert.Equal("Embedded", Assert.Single(own.Select(t => t.Engine).Distinct()));
        Assert.Equal(3, EngineTimes.Read(Store)!.Engines.Count());
        // At a measured cost the estimate is what was measured, between two it lies between them.
        EngineTime[] svd = [.. times.Where(t => t is { Engine: "Embedded", Work: EngineWork.TruncatedSvd })];
        Assert.All(svd, t => Assert.Equal(t.Seconds, read.Seconds("Embedded", "cpu", t.Size, t.Size, t.Rank!.Value), t.Seconds * 1e-9));
    }

    private static bool AllEmbedded(LayerEngines engines) => s_names.All(n => engines.Of(n).IsEmbedded);

    private LayerEngines Choose(EngineChoice choice, int threads = 0) => LayerEngines.Choose(choice, [Layer("small", 128, 8), Layer("large", 2048, 512)], threads, Store, s_plugin);

    private static LayerPlan Layer(string name, int size, int rank) =>
        new(new LayerCost { Kind = LayerKind.Linear, Size = (size, size), DenseParameters = size * size, PairType = TensorDType.F32, DenseType = TensorDType.F32 }, FactorChoice.Of("Svd", [rank]), KeepReason.None)
        {
            Name = name, Shape = ImmutableArray.Create<long>(size, size), BytesBefore = 4L * size * size, DTypeBefore = "F32",
        };

    // The embedded engine takes a millisecond for a small matrix and a second for a large one; the other one so many times that.
    private void Measured(double small, double large, double start, Func<EngineTime, EngineTime>? other = null, Func<EngineTime, EngineTime>? own = null)
    {
        EngineInfo plugged = s_plugin.Provider.Engines.Single(e => e.Device == "cuda:0");
        EngineTimes.Write(Store, [.. Times(EngineCatalog.Embedded, 1, 1, 0).Select(own ?? (t => t)), .. Times(plugged, small, large, start).Select(other ?? (t => t))]);
    }

    private static IEnumerable<EngineTime> Times(EngineInfo engine, double small, double large, double start)
    {
        EngineTime time = new()
        {
            Engine = engine.Name, Device = engine.Device, Version = engine.Version, InstructionSet = engine.InstructionSet, ThreadCount = engine.ThreadCount,
            Work = EngineWork.TruncatedSvd, Size = 128, Rank = 8, Seconds = 1e-3 * small, StartSeconds = start,
        };
        return [time, time with { Size = 2048, Rank = 512, Seconds = large }, time with { Work = EngineWork.Forward, Rank = null, Size = 256, Seconds = 1 }];
    }
}
