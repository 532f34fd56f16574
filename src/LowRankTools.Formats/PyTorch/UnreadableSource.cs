using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.PyTorch;

/// <summary>A tensor that can be listed and counted, and whose values cannot be handed out.</summary>
/// <param name="tensor">Its name.</param>
/// <param name="reason">Why, as the rest of a sentence about the tensor.</param>
internal sealed class UnreadableSource(string tensor, string reason) : ITensorSource
{
    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        if (destination.Length > 0)
        {
            throw new ModelFormatException(FormatErrors.ValuesUnsupported, $"Tensor '{tensor}' {reason}.", tensor: tensor,
                remedy: "Make it a plain dense tensor in PyTorch (dequantize, to_dense, resolve_conj, contiguous) and save again.");
        }
    }
}
