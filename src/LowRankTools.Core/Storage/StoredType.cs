using System.Globalization;
using System.Numerics;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Storage;

/// <summary>What storing values in a type does to them. A number that a type has no room for is an error, never an infinity.</summary>
internal static class StoredType
{
    /// <summary>The smallest numbers that round to infinity: half a step above the largest ones.</summary>
    private const float HalfOverflow = 65520;
    private static readonly float s_brainOverflow = BitConverter.UInt32BitsToSingle(0x7F7F_8000);

    /// <summary>Whether float32 values change when they are stored so.</summary>
    public static bool Rounds(TensorDType dtype) => dtype is not (TensorDType.F32 or TensorDType.F64);

    /// <summary>Replaces every entry of a factor by what will be read back.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public static void Round(Matrix<float> matrix, TensorDType dtype)
    {
        byte[] bytes = Rounds(dtype) ? new byte[dtype.ByteLength(matrix.Columns)] : [];
        for (int i = 0; i < matrix.Rows; i++)
        {
            Span<float> row = matrix.Row(i);
            EncodeComputed(dtype, row, bytes, "its factors");
            if (bytes.Length > 0)
                TensorConversion.ToSingle(dtype, bytes, row, "");
        }
    }

    /// <summary>Encodes values that were computed: all of them are numbers.</summary>
    /// <param name="dtype">Type to store.</param>
    /// <param name="values">Values.</param>
    /// <param name="bytes">As long as the values need; empty to check only.</param>
    /// <param name="what">What they are, for errors.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public static void EncodeComputed(TensorDType dtype, ReadOnlySpan<float> values, Span<byte> bytes, string what)
    {
        if (Any(values, float.PositiveInfinity, orNaN: true))
            throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"{what}: they are not finite in float32.", "The weight holds numbers near the end of float32: leave it out with -Exclude.");
        Encode(dtype, values, bytes, what);
    }

    /// <summary>Encodes values that were read; infinities and NaN that the source has stay.</summary>
    /// <exception cref="LowRankToolsException"><c>ValuesOverflow</c>.</exception>
    public static void Encode(TensorDType dtype, ReadOnlySpan<float> values, Span<byte> bytes, string what)
    {
        float overflow = dtype switch { TensorDType.F16 => HalfOverflow, TensorDType.Q8_0 => 127 * HalfOverflow, TensorDType.Q4_0 => 8 * HalfOverflow, TensorDType.BF16 => s_brainOverflow, _ => float.PositiveInfinity };
        if (Rounds(dtype) && Any(values, overflow, orNaN: false))
        {
            throw new LowRankToolsException(CoreErrors.ValuesOverflow,
                string.Create(CultureInfo.InvariantCulture, $"{what}: there are values of {overflow} or more, which {dtype} has no room for."), "Write F32 with -DType.");
        }
        if (bytes.Length > 0)
            TensorConversion.FromSingle(dtype, values, bytes);
    }

    /// <summary>Whether a magnitude reaches a limit: infinities count only where that is the limit itself.</summary>
    private static bool Any(ReadOnlySpan<float> values, float limit, bool orNaN)
    {
        Vector<float> limits = new(limit), infinity = new(float.PositiveInfinity);
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> magnitude = Vector.Abs(new Vector<float>(values[i..]));
            // A comparison with NaN is false.
            if (orNaN ? !Vector.LessThanAll(magnitude, limits) : Vector.LessThanAny(Vector.ConditionalSelect(Vector.GreaterThanOrEqual(magnitude, limits), magnitude, infinity), infinity))
                return true;
        }
        for (; i < values.Length; i++)
        {
            float magnitude = MathF.Abs(values[i]);
            if (orNaN ? !(magnitude < limit) : magnitude >= limit && magnitude < float.PositiveInfinity)
                return true;
        }
        return false;
    }
}
