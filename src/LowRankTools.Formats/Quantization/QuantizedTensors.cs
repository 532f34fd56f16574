using System.Collections.Immutable;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Quantization;

/// <summary>
/// Finds matrices that are stored as levels and scales (<see cref="QuantizedLayout"/>, as the compressed-tensors library has them too)
/// among the tensors of a file, by names, types and shapes, and makes one tensor of each. What does not fit wholly stays as it is.
/// </summary>
internal static class QuantizedTensors
{
    /// <summary>The tensors with those matrices in place of their parts; the same list where there are none.</summary>
    public static IReadOnlyList<TensorInfo> Combine(IReadOnlyList<TensorInfo> tensors)
    {
        if (!tensors.Any(t => t.Name.EndsWith(QuantizedLayout.ScaleSuffix, StringComparison.Ordinal)))
            return tensors;
        Dictionary<string, TensorInfo> byName = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in tensors)
            byName.TryAdd(tensor.Name, tensor);
        Dictionary<string, TensorInfo> made = new(StringComparer.Ordinal);
        HashSet<string> parts = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in tensors)
        {
            if (Matrix(tensor, byName) is not { } matrix)
                continue;
            made[tensor.Name] = matrix;
            parts.Add(matrix.Name + QuantizedLayout.ScaleSuffix);
            parts.Add(matrix.Name + QuantizedLayout.ShapeSuffix);
        }
        return made.Count == 0 ? tensors : [.. tensors.Where(t => !parts.Contains(t.Name)).Select(t => made.GetValueOrDefault(t.Name, t))];
    }

    /// <summary>One matrix of levels and scales.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Rows and columns.</param>
    /// <param name="levels">The levels.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="run">Values that share a scale.</param>
    /// <param name="role">What the file says of its use.</param>
    /// <param name="more">Bytes that the file adds to these.</param>
    public static TensorInfo Of(string name, ImmutableArray<long> shape, TensorInfo levels, TensorInfo scales, long run, TensorRole role, long more = 0)
    {
        bool nibbles = levels.DType == TensorDType.I32;
        return new TensorInfo(name, TensorDType.F32, shape, new ScaledSource(levels.Source, nibbles, scales.Source, scales.DType, run, scales.ElementCount))
        {
            Role = role,
            StoredType = nibbles ? TensorDType.I4 : TensorDType.I8,
            StoredBytes = levels.ByteLength + scales.ByteLength + more,
        };
    }

    private static TensorInfo? Matrix(TensorInfo levels, Dictionary<string, TensorInfo> byName)
    {
        bool packed = levels.DType == TensorDType.I32 && levels.Name.EndsWith(QuantizedLayout.PackedSuffix, StringComparison.Ordinal);
        if (levels.Shape.Length != 2 || !packed && levels.DType != TensorDType.I8)
            return null;
        string name = packed ? levels.Name[..^QuantizedLayout.PackedSuffix.Length] : levels.Name;
        if (!byName.TryGetValue(name + QuantizedLayout.ScaleSuffix, out TensorInfo? scales) || byName.ContainsKey(name + QuantizedLayout.ZeroPointSuffix)
            || packed && (byName.ContainsKey(name) || !byName.TryGetValue(name + QuantizedLayout.ShapeSuffix, out TensorInfo? stated) || stated.DType != TensorDType.I64 || stated.ElementCount != 2))
            return null;
        long rows = levels.Shape[0], columns = levels.Shape[1] * (packed ? QuantizedLayout.PackedLevels : 1);
        bool fits = scales.DType is TensorDType.F32 or TensorDType.F16 or TensorDType.BF16 && scales.Shape.Length == 2 && scales.Shape[0] == rows
            && columns > 0 && rows > 0 && scales.Shape[1] > 0 && columns % scales.Shape[1] == 0;
        return fits ? Of(name, [rows, columns], levels, scales, columns / scales.Shape[1], levels.Role, packed ? 2 * sizeof(long) : 0) : null;
    }
}
