using System.Globalization;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines;

/// <summary>The engine and the device that were asked for.</summary>
public sealed record EngineChoice
{
    private const string CudaPrefix = "cuda:";

    /// <summary>Nothing in particular: what was measured to be fastest, or the embedded engine.</summary>
    public static EngineChoice Auto { get; } = new();

    /// <summary>The engine.</summary>
    public EngineKind Engine { get; init; }

    /// <summary>The device: <c>cpu</c>, <c>cuda</c>, or <c>cuda:1</c> for the second one; null for the processor, or whatever was measured to be fastest.</summary>
    public string? Device { get; init; }

    /// <summary>Whether nothing was asked for.</summary>
    internal bool IsOpen => Engine == EngineKind.Auto && Device is null;

    /// <summary>The device in its full form, <c>cpu</c> or <c>cuda:0</c>.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: no device is written so.</exception>
    public string FullDevice
    {
        get
        {
            string device = (Device ?? "cpu").ToLowerInvariant();
            if (device == "cpu")
                return device;
            if (device == "cuda")
                return CudaPrefix + "0";
            if (device.StartsWith(CudaPrefix, StringComparison.Ordinal)
                && int.TryParse(device.AsSpan(CudaPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            {
                return CudaPrefix + index.ToString(CultureInfo.InvariantCulture);
            }
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{Device}' is not a device.", "A device is cpu, cuda or cuda:<number>.");
        }
    }
}
