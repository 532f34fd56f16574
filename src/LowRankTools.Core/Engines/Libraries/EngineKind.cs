using LowRankTools.Core.Engines.Measuring;

namespace LowRankTools.Core.Engines.Libraries;

/// <summary>Which engine computes.</summary>
public enum EngineKind
{
    /// <summary>What was measured to be fastest (<see cref="MeasureEngines"/>), and without that the embedded engine; for a CUDA device TorchSharp, and the embedded engine again where that is missing.</summary>
    Auto,

    /// <summary>The engine in pure C#, always there, on the processor.</summary>
    Embedded,

    /// <summary>TorchSharp, on the processor or on a CUDA device; an error where it is missing.</summary>
    TorchSharp,
}
