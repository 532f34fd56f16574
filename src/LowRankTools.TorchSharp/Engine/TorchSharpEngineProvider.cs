using LowRankTools.Numerics;
using TorchSharp;

namespace LowRankTools.TorchSharp;

/// <summary>TorchSharp on the devices that libtorch finds here.</summary>
public sealed class TorchSharpEngineProvider : IEngineProvider
{
    private readonly List<EngineInfo> _engines = [];

    /// <summary>Loads libtorch and asks it for its devices.</summary>
    /// <exception cref="NotSupportedException">The native library cannot be loaded; the message holds TorchSharp's trace.</exception>
    public TorchSharpEngineProvider()
    {
        torch.InitializeDeviceType(DeviceType.CPU);
        _engines.Add(TorchSharpEngine.InfoOf("cpu"));
        int devices = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        _engines.AddRange(Enumerable.Range(0, devices).Select(i => TorchSharpEngine.InfoOf($"cuda:{i}")));
        if (devices == 0)
            _engines.Add(TorchSharpEngine.InfoOf("cuda") with { InstructionSet = string.Empty, ThreadCount = 0, Available = false, Reason = "libtorch finds no CUDA device; it may be a build for the processor only" });
    }

    /// <inheritdoc/>
    public IReadOnlyList<EngineInfo> Engines => _engines;

    /// <inheritdoc/>
    public ITensorEngine Create(string device, ComputeOptions? options = null)
    {
        if (_engines.Any(e => e.Device == device && e.Available)) return new TorchSharpEngine(device, options);
        throw new LowRankToolsException("EngineUnavailable", $"libtorch finds no device {device}.", "Ask for a device that is listed as available.");
    }
}
