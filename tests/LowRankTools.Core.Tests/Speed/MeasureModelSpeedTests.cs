using LowRankTools.Core.Architectures;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Speed;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Speed;

public sealed class MeasureModelSpeedTests : IDisposable
{
    private static readonly ModelSpeedOptions s_quick = new()
    {
        SequenceLength = 16,
        Timing = new TimingOptions { WarmUp = TimeSpan.Zero, ShortestRun = TimeSpan.Zero }.WithRuns(3),
    };

    private static readonly EncoderDecoderConfig s_small = new()
    {
        Width = 64, HeadWidth = 32, Encoder = new SideConfig { Tokens = 32, Depth = 1, Heads = 2, Length = 32 }, Decoder = new SideConfig { Tokens = 32, Depth = 1, Heads = 2, Length = 32 },
    };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model(TransformerConfig? config = null, string name = "model") => new ModelFolder(config ?? s_small).Write(_folder[name]);

    [Fact]
    public void A_model_and_its_ranks_take_turns()
    {
        IReadOnlyList<ModelSpeed> speeds = new MeasureModelSpeed(s_quick with { Ranks = [4, 8] }).Run([Model()]);
        Assert.Equal([null, 4, 8], speeds.Select(s => s.Rank));
        Assert.Equal([0, 18, 18], speeds.Select(s => s.Pairs));
        Assert.Null(speeds[0].SpeedUp);
        Assert.All(speeds, s =>
        {
            Assert.InRange(s.Times.MedianSeconds, s.Times.MinimumSeconds, s.Times.MaximumSeconds);
            Assert.Equal((3, 2, 32), (s.Times.Runs, s.Times.WarmUpRuns, s.Tokens));
            Assert.Equal(s.Tokens / s.Times.MedianSeconds, s.TokensPerSecond);
            Assert.Equal(s.Parameters * sizeof(float), s.ParameterBytes);
            Assert.Equal(s.ParameterBytes + s.ForwardBytes, s.PeakBytes);
            Assert.True(s.ForwardBytes > 0 && s.PeakBytes > s.ParameterBytes);
        });
        Assert.Equal(speeds[0].Times.MedianSeconds / speeds[1].Times.MedianSeconds, speeds[1].SpeedUp);
        Assert.True(speeds[0].Work.Flops > speeds[2].Work.Flops && speeds[2].Work.Flops > speeds[1].Work.Flops);
    }

    [Fact]
    public void Operations_are_those_of_the_arithmetic()
    {
        ModelSpeed speed = Assert.Single(new MeasureModelSpeed(s_quick).Run([Model()]));
        const long tokens = 16, width = 64, inner = 256, vocabulary = 32;
        long attention = 2 * tokens * 4 * width * width, feedForward = 2 * tokens * 2 * width * inner, head = 2 * tokens * width * vocabulary;
        long full = 2 * tokens * tokens * 2 * width, causal = 2 * (tokens * (tokens + 1) / 2) * 2 * width;
        // The encoder has a head for tokens too, which a forward run of both has no use for.
        Assert.Equal(3 * attention + 2 * feedForward + head + 2 * full + causal, speed.Work.Flops);
    }

    [Fact]
    public void A_factorized_file_is_the_rank_in_memory()
    {
        ModelSource dense = Model();
        FactorizationResult pairs = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(8) }).Run(dense);
        ModelSource small = new ModelLocator().Find(pairs.Path)[0];
        IReadOnlyList<ModelSpeed> speeds = new MeasureModelSpeed(s_quick with { Ranks = [8] }).Run([dense, small]);
        Assert.Equal([(dense.Path, null, 0), (dense.Path, 8, 18), (small.Path, null, 18), (small.Path, (int?)8, 18)], speeds.Select(s => (s.Path, s.Rank, s.Pairs)));
        Assert.Equal((speeds[1].Parameters, speeds[1].Work), (speeds[2].Parameters, speeds[2].Work));
    }

    [Fact]
    public void The_engine_by_its_name_is_the_one_without()
    {
        ModelSource model = Model();
        ModelSpeed[] speeds = [.. new[] { EngineChoice.Auto, new EngineChoice { Engine = EngineKind.Embedded, Device = "cpu" } }
            .Select(engine => Assert.Single(new MeasureModelSpeed(s_quick with { Engine = engine }).Run([model])))];
        Assert.Equal("Embedded on cpu", speeds[1].Engine);
        // The memory is that of the process, in which other tests run.
        Assert.Equal(speeds[0] with { Times = speeds[1].Times, ForwardBytes = speeds[1].ForwardBytes }, speeds[1]);
    }

    [Fact]
    public void An_engine_that_is_not_there_is_an_error()
    {
        MeasureModelSpeed operation = new(s_quick with { Engine = new EngineChoice { Engine = EngineKind.Embedded, Device = "cuda" } });
        Assert.Equal(CoreErrors.EngineUnavailable, Assert.Throws<LowRankToolsException>(() => operation.Run([Model()])).ErrorId);
    }

    [Theory]
    [InlineData("bert-tiny", 2, 2 * 16)]
    [InlineData("gpt2-tiny", 1, 16)]
    [InlineData("llama-tiny", 1, 16)]
    [InlineData("seed-tiny", 1, 2 * 16)]
    public void Every_kind_of_network_runs(string preset, int batch, int tokens)
    {
        ModelSpeed speed = Assert.Single(new MeasureModelSpeed(s_quick with { BatchSize = batch, Timing = s_quick.Timing.WithRuns(1) }).Run([Model(TransformerPresets.Get(preset))]));
        Assert.Equal((batch, tokens), (speed.BatchSize, speed.Tokens));
    }

    [Theory]
    [InlineData(0, 1, 16, CoreErrors.OptionInvalid)]
    [InlineData(4, 0, 16, CoreErrors.OptionInvalid)]
    [InlineData(4, 1, 0, CoreErrors.OptionInvalid)]
    [InlineData(4, 1, 33, CoreErrors.InputInvalid)]
    public void What_cannot_be_run_is_refused(int rank, int batch, int length, string id)
    {
        MeasureModelSpeed operation = new(s_quick with { Ranks = [rank], BatchSize = batch, SequenceLength = length });
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => operation.Run([Model()])).ErrorId);
    }

    [Fact]
    public void Cancelling_stops_it()
    {
        using CancellationTokenSource cancel = new();
        cancel.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => new MeasureModelSpeed(s_quick).Run([Model()], null, cancel.Token));
    }

    [Fact]
    public void Errors_of_networks_are_errors_of_operations()
    {
        HashSet<string> known = [.. typeof(CoreErrors).GetFields().Select(f => (string)f.GetRawConstantValue()!)];
        Assert.All(typeof(NetworkConfigErrors).GetFields(), f => Assert.Contains((string)f.GetRawConstantValue()!, known));
    }

    [Fact]
    public void Seeds_choose_the_bytes()
    {
        byte[] Bytes(string name, int seed) => File.ReadAllBytes(new ModelFolder(s_small) { Seed = seed }.Write(_folder[name]).Path);
        byte[] first = Bytes("a", 1);
        Assert.Equal(first, Bytes("b", 1));
        Assert.NotEqual(first, Bytes("c", 2));
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => Bytes("a", 1)).ErrorId);
    }

    [Fact]
    public void A_configuration_stands_alone()
    {
        ModelSource written = Model(TransformerPresets.Get("llama-tiny"), "llama");
        TransformerConfig read = TransformerConfigs.Read(_folder["llama"]);
        Assert.Equal(TransformerPresets.Get("llama-tiny"), read);
        Assert.Equal(CountParameters.Run(written).Parameters, new ModelFolder(read).CountParameters());
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => TransformerConfigs.Read(_folder["nothing"])).ErrorId);
    }
}
