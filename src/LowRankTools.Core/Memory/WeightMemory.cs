using LowRankTools.Core.Counting;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Memory;

/// <summary>Bytes of a model's weights in types that they could be held in.</summary>
internal static class WeightMemory
{
    public const string AsStored = "as stored";

    /// <summary>Bytes by type, first as stored.</summary>
    public static ParameterTotals ByType(Model model)
    {
        ParameterTotals totals = [];
        foreach (ModelLayer layer in model.Layers.Where(l => l.Shape.TiedTo is null))
        {
            totals.Increase(AsStored, layer.Shape.Bytes);
            foreach (TensorDType dtype in MemoryOptions.DTypes)
                totals.Increase(dtype.ToString(), Bytes(layer.Tensor, dtype));
        }
        return totals;
    }

    // Whole numbers stay as they are; what is not made of whole rows of blocks (norms, biases) is float32 among blocks.
    private static long Bytes(TensorInfo tensor, TensorDType dtype)
    {
        if (!tensor.DType.IsFloat() && !tensor.DType.IsQuantized())
            return tensor.ByteLength;
        bool fits = !dtype.IsQuantized() || tensor.Shape.Length >= 2 && tensor.Shape[^1] % dtype.BlockElements() == 0;
        return (fits ? dtype : TensorDType.F32).ByteLength(tensor.ElementCount);
    }
}
