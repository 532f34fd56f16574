namespace LowRankTools.PowerShell.Commands;

/// <summary>Formats that models are written in.</summary>
public enum OutputFormat
{
    /// <summary>Safetensors, single or sharded by index.</summary>
    Safetensors,
    /// <summary>A zip archive that torch.load opens.</summary>
    PyTorch,
}
