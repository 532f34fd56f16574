using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Records;

/// <summary>Which tensors of a file are factors of decompositions, and the largest rank of each one's.</summary>
internal static class FactorRanks
{
    /// <summary>Names and ranks; nothing of a record that does not fit the file, which whoever needs the tensor then refuses.</summary>
    public static Dictionary<string, int> Of(TensorFile file, DecompositionRecord? record)
    {
        Dictionary<string, int> ranks = new(StringComparer.Ordinal);
        if (record is null)
            return ranks;
        Dictionary<string, TensorInfo> tensors = file.Tensors.ToDictionary(t => t.Name, StringComparer.Ordinal);
        foreach (DecomposedTensorRecord tensor in record.Tensors)
        {
            try
            {
                foreach (TensorInfo factor in DecomposedTensor.Of(tensor, tensors, file.Path).Factors)
                    ranks[factor.Name] = (int)tensor.Ranks.Sizes.DefaultIfEmpty(1).Max();
            }
            catch (LowRankToolsException e) when (e.ErrorId == CoreErrors.FactorsInconsistent)
            {
                // Listing a model must not fail for what its record says.
            }
        }
        return ranks;
    }
}
