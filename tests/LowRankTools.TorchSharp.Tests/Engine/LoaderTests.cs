using LowRankTools.Core.Architectures;
using LowRankTools.Core.Demo;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Speed;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.TorchSharp.Engine;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>The engine as the product meets it: loaded by name into a context of its own.</summary>
[Collection(LibTorch.Name)]
public sealed class LoaderTests
{
    private static readonly EngineChoice s_torchSharp = new() { Engine = EngineKind.TorchSharp };

    [Fact]
    public void The_loader_finds_the_engine_that_the_build_laid_out()
    {
        SelectedEngine engine = EngineSelector.Select(s_torchSharp);
        Assert.Equal(("TorchSharp", "cpu", true), (engine.Info.Name, engine.Info.Device, engine.Info.Available));
        Assert.NotSame(typeof(TorchSharpEngine), engine.Create(0, 0).GetType());
    }

    [Fact]
    public void A_device_that_is_not_there_is_an_error_with_a_reason()
    {
        EngineInfo cuda = EngineList.All.First(e => e.Device.StartsWith("cuda", StringComparison.Ordinal));
        string missing = cuda.Available ? "cuda:99" : "cuda";
        Assert.Equal("EngineUnavailable", Assert.Throws<LowRankToolsException>(() => EngineSelector.Select(s_torchSharp with { Device = missing })).ErrorId);
        SelectedEngine fallback = EngineSelector.Select(new EngineChoice { Device = missing });
        Assert.True(fallback.IsEmbedded);
        Assert.NotEmpty(fallback.Fallback);
    }

    [Fact]
    public void Both_engines_find_the_same_error_through_the_product()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("lowrank-torch-");
        try
        {
            string model = DemoTransformer.Write(Path.Combine(folder.FullName, "demo"));
            double[] errors = [.. new[] { EngineChoice.Auto, s_torchSharp }.Select(engine => Error(model, engine))];
            Assert.InRange(Math.Abs(errors[0] - errors[1]), 0, 1e-4);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Models_are_timed_on_the_engine_that_was_asked_for()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("lowrank-torch-");
        try
        {
            ModelSource model = new ModelFolder(TransformerPresets.Get("seed-tiny")).Write(Path.Combine(folder.FullName, "demo"));
            ModelSpeed[] speeds = [.. new[] { EngineChoice.Auto, s_torchSharp }.SelectMany(engine => new MeasureModelSpeed(
                new ModelSpeedOptions { Engine = engine, Ranks = [8], SequenceLength = 16, Timing = new TimingOptions { WarmUp = TimeSpan.Zero }.WithRuns(1) }).Run([model]))];
            Assert.Equal(["Embedded on cpu", "Embedded on cpu", "TorchSharp on cpu", "TorchSharp on cpu"], speeds.Select(s => s.Engine));
            Assert.Equal(speeds.Take(2).Select(s => (s.Rank, s.Pairs, s.Parameters, s.Tokens, s.Work)), speeds.Skip(2).Select(s => (s.Rank, s.Pairs, s.Parameters, s.Tokens, s.Work)));
            Assert.All(speeds.Skip(2), s => Assert.Null(s.PeakBytes));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double Error(string model, EngineChoice engine)
    {
        FactorizeOptions options = new() { Rule = new RankRule.Energy(0.7), Engine = engine, Force = true };
        FactorizationResult result = new FactorizeModel(options).Run(new ModelLocator().Find(model).Single());
        Assert.StartsWith(engine.Engine == EngineKind.TorchSharp ? "TorchSharp" : "Embedded", result.Engine, StringComparison.Ordinal);
        return result.RelativeError!.Value;
    }
}
