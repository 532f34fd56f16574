using LowRankTools.Core.Storage;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Merging;

/// <summary>
/// The bias of a merged pair: y = B (A x + b0) + b1 = (B A) x + (B b0 + b1). Either bias may be absent.
/// </summary>
/// <param name="file">The model.</param>
/// <param name="second">B, (out, r).</param>
/// <param name="firstBias">b0, r long; null where there is none.</param>
/// <param name="secondBias">b1, out long; null where there is none.</param>
internal sealed class MergedBias(TensorFile file, TensorInfo second, TensorInfo? firstBias, TensorInfo? secondBias)
{
    /// <summary>Whether both biases are absent or all zeros.</summary>
    public bool IsZero() => IsZero(firstBias) && IsZero(secondBias);

    /// <summary>The bias as a tensor: b1's own bytes where b0 is zero, computed otherwise.</summary>
    public DenseTensor Tensor(string name)
    {
        if (IsZero(firstBias) && secondBias is not null)
            return new DenseTensor(name, secondBias);
        float[] bias = Values(secondBias, second.Shape[0]);
        float[] inner = Values(firstBias, second.Shape[1]);
        using Matrix<float> factor = WeightMatrix.Read(file, second, CancellationToken.None);
        for (int i = 0; i < bias.Length; i++)
        {
            double sum = bias[i];
            for (int k = 0; k < inner.Length; k++)
                sum += (double)factor[i, k] * inner[k];
            bias[i] = (float)sum;
        }
        byte[] bytes = new byte[bias.Length * sizeof(float)];
        TensorConversion.FromSingle(TensorDType.F32, bias, bytes);
        return new DenseTensor(name, new TensorInfo(name, TensorDType.F32, [bias.Length], new MemoryRegion(bytes)));
    }

    private bool IsZero(TensorInfo? bias) => bias is null || Values(bias, bias.ElementCount).All(v => v == 0);

    private float[] Values(TensorInfo? tensor, long length)
    {
        float[] values = new float[length];
        if (tensor is not null)
            file.ReadSingles(tensor, 0, values);
        return values;
    }
}
