using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Tests.Engines;

/// <summary>Choosing an engine where the one asked for is missing; what it computes is the conformance suite's business.</summary>
public sealed class EngineSelectorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private EnginePlugin Missing => new("TorchSharp", _folder["nowhere"], "LowRankTools.TorchSharp");

    private static EngineProblem? Problem(EnginePlugin plugin) => plugin.TryLoad(out EngineProblem? problem) is null ? problem : null;

    [Theory]
    [InlineData(EngineKind.Auto, null)]
    [InlineData(EngineKind.Auto, "cpu")]
    [InlineData(EngineKind.Embedded, null)]
    [InlineData(EngineKind.Embedded, "CPU")]
    public void The_embedded_engine_is_always_there(EngineKind kind, string? device)
    {
        SelectedEngine engine = EngineSelector.Select(new EngineChoice { Engine = kind, Device = device }, Missing);
        Assert.True(engine.IsEmbedded);
        Assert.Empty(engine.Fallback);
        Assert.IsType<EmbeddedEngine>(engine.Create(1, 0));
    }

    [Fact]
    public void Asked_for_and_not_there_is_an_error_with_the_reason()
    {
        LowRankToolsException e = Assert.Throws<LowRankToolsException>(() => EngineSelector.Select(new EngineChoice { Engine = EngineKind.TorchSharp }, Missing));
        Assert.Equal(CoreErrors.EngineUnavailable, e.ErrorId);
        Assert.Contains(Problem(Missing)!.Reason, e.Message, StringComparison.Ordinal);
        Assert.Equal(Problem(Missing)!.Remedy, e.Remedy);
    }

    [Theory]
    [InlineData("cuda")]
    [InlineData("cuda:1")]
    public void Auto_falls_back_and_says_so(string device)
    {
        SelectedEngine engine = EngineSelector.Select(new EngineChoice { Device = device }, Missing);
        Assert.True(engine.IsEmbedded);
        Assert.Contains(Problem(Missing)!.Reason, engine.Fallback, StringComparison.Ordinal);
    }

    [Fact]
    public void The_embedded_engine_has_no_cuda() =>
        AssertError(CoreErrors.EngineUnavailable, new EngineChoice { Engine = EngineKind.Embedded, Device = "cuda" }, Missing);

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:one")]
    [InlineData("cuda:0:1")]
    [InlineData("")]
    public void What_is_not_a_device_is_refused(string device) =>
        AssertError(CoreErrors.OptionInvalid, new EngineChoice { Device = device }, Missing);

    [Fact]
    public void A_broken_plugin_is_a_reason_and_not_a_crash()
    {
        Directory.CreateDirectory(_folder["broken"]);
        File.WriteAllText(Path.Combine(_folder["broken"], "Engine.dll"), "not an assembly");
        EnginePlugin broken = new("TorchSharp", _folder["broken"], "Engine");
        AssertError(CoreErrors.EngineUnavailable, new EngineChoice { Engine = EngineKind.TorchSharp }, broken);
        Assert.Equal([true, false], EngineList.List(broken).Select(e => e.Available));
        Assert.NotEmpty(EngineList.List(broken)[1].Reason);
        Assert.NotEmpty(EngineList.List(broken)[1].Remedy);
        Assert.NotNull(Problem(broken)!.Cause);
    }

    [Fact]
    public void A_folder_without_its_assembly_is_named()
    {
        EnginePlugin empty = new("TorchSharp", Directory.CreateDirectory(_folder["empty"]).FullName, "Engine");
        Assert.Contains(_folder["empty"], Problem(empty)!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_missing_is_found_once_it_is_there()
    {
        string target = Path.Combine(_folder["later"], "Engine.dll");
        EnginePlugin later = new("TorchSharp", _folder["later"], "Engine", _ => File.Exists(target) ? new EngineNatives([]) : EngineNatives.None("not yet", "wait"));
        Directory.CreateDirectory(_folder["later"]);
        Assert.Equal("not yet", Problem(later)!.Reason);
        File.Copy(typeof(EngineSelectorTests).Assembly.Location, target);
        Assert.Null(Problem(later));
    }

    [Fact]
    public void A_missing_native_library_is_named()
    {
        Directory.CreateDirectory(_folder["half"]);
        File.Copy(typeof(EngineSelector).Assembly.Location, Path.Combine(_folder["half"], "Engine.dll"));
        EnginePlugin half = new("TorchSharp", _folder["half"], "Engine", folder => new EngineNatives([Path.Combine(folder, "NativeEngine.so")]));
        Assert.Contains("NativeEngine", Problem(half)!.Reason, StringComparison.Ordinal);
    }

    // This very assembly plays the plugin: it is loaded a second time, into a context of its own.
    [Fact]
    public void A_plugin_meets_the_product_through_the_contract()
    {
        EnginePlugin plugin = new("TorchSharp", AppContext.BaseDirectory, typeof(EngineSelectorTests).Assembly.GetName().Name!);
        Assert.Null(Problem(plugin));
        Assert.NotEqual(typeof(PluggedProvider), plugin.Provider.GetType());
        Assert.Equal("cpu", EngineSelector.Select(new EngineChoice { Engine = EngineKind.TorchSharp }, plugin).Info.Device);
        Assert.Equal("cuda:0", EngineSelector.Select(new EngineChoice { Device = "cuda" }, plugin).Info.Device);
        AssertError(CoreErrors.EngineUnavailable, new EngineChoice { Engine = EngineKind.TorchSharp, Device = "cuda:1" }, plugin);
        Assert.Equal(["Embedded", "Plugged", "Plugged"], EngineList.List(plugin).Select(e => e.Name));
    }

    [Fact]
    public void A_factorization_refuses_a_missing_engine_before_it_reads()
    {
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(4), Engine = new EngineChoice { Engine = EngineKind.Embedded, Device = "cuda" } };
        Assert.Equal(CoreErrors.EngineUnavailable, Assert.Throws<LowRankToolsException>(options.Validate).ErrorId);
    }

    private static void AssertError(string id, EngineChoice choice, EnginePlugin plugin) =>
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => EngineSelector.Select(choice, plugin)).ErrorId);
}

/// <summary>Two devices of an engine that is the embedded one.</summary>
public sealed class PluggedProvider : IEngineProvider
{
    /// <inheritdoc/>
    public IReadOnlyList<EngineInfo> Engines => [Info("cpu"), Info("cuda:0")];

    /// <inheritdoc/>
    public ITensorEngine Create(string device, ComputeOptions? options = null) => new EmbeddedEngine(options);

    private static EngineInfo Info(string device) => new("Plugged", device, string.Empty, 1, Available: true, string.Empty);
}
