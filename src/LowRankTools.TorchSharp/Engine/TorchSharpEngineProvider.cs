using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Threading;
using TorchSharp;

namespace LowRankTools.TorchSharp.Engine;

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
            _engines.Add(WithoutCuda(TorchSharpEngine.InfoOf("cpu")));
    }

    /// <inheritdoc/>
    public IReadOnlyList<EngineInfo> Engines => _engines;

    /// <inheritdoc/>
    public ITensorEngine Create(string device, ComputeOptions? options = null)
    {
        if (_engines.Any(e => e.Device == device && e.Available)) return new TorchSharpEngine(device, options);
        throw new LowRankToolsException("EngineUnavailable", $"libtorch finds no device {device}.", "Ask for a device that is listed as available.");
    }

    private static EngineInfo WithoutCuda(EngineInfo processor)
    {
        bool built = LibTorchLocation.IsForCuda;
        return new EngineInfo(processor.Name, "cuda", string.Empty, 0, Available: false, built ? "libtorch finds no CUDA device" : "this libtorch is built for the processor only")
        {
            Remedy = built ? "A GPU of NVIDIA and its driver are needed." : "Install-LowRankEngine -Device cuda -Force replaces it, where there is a GPU of NVIDIA.",
        };
    }
}
