using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Planning;

/// <summary>The tensors of a model that no plan decides on, shared storage once: norms, biases, buffers.</summary>
/// <param name="Parameters">Their elements.</param>
/// <param name="BytesBefore">Their bytes as stored.</param>
/// <param name="Bytes">Their bytes as they will be written.</param>
internal readonly record struct OtherTensors(long Parameters, long BytesBefore, long Bytes)
{
    /// <summary>Adds them up.</summary>
    public static OtherTensors Of(Model model, StoredAs stored)
    {
        ModelLayer[] others = [.. model.Layers.Where(l => !PlanCandidates.IsWeight(l) && l.Shape.TiedTo is null)];
        return new OtherTensors(others.Sum(l => l.Shape.Parameters), others.Sum(l => l.Shape.Bytes),
            others.Sum(l => OutputTypes.Copy(l.Tensor.DType, stored.Format, stored.DType).ByteLength(l.Shape.Parameters)));
    }
}
