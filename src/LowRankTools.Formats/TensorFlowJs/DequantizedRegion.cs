using System.Runtime.InteropServices;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.TensorFlowJs;

/// <summary>
/// Values of a weight that is stored as <c>uint8</c> or <c>uint16</c>: number * scale + minimum, computed in float64 and
/// rounded to float32, or to the nearest whole number (halves up) for int32, as the library that runs the model does.
/// </summary>
/// <param name="stored">The stored numbers.</param>
/// <param name="width">Bytes of each, one or two.</param>
/// <param name="quantization">Scale and minimum.</param>
/// <param name="isInteger">Whether the values are int32 instead of float32.</param>
internal sealed class DequantizedRegion(ITensorSource stored, int width, TensorFlowJsQuantization quantization, bool isInteger) : ITensorSource
{
    private const int ChunkElements = 16 * 1024;

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        byte[] numbers = new byte[Math.Min(ChunkElements, destination.Length / sizeof(float) + 2) * width];
        uint[] values = new uint[numbers.Length / width];
        while (destination.Length > 0)
        {
            long first = offset / sizeof(float);
            int drop = (int)(offset % sizeof(float));
            int count = (int)Math.Min(values.Length, ((long)drop + destination.Length + sizeof(float) - 1) / sizeof(float));
            stored.Read(first * width, numbers.AsSpan(0, count * width));
            for (int i = 0; i < count; i++)
                values[i] = Value(width == 1 ? numbers[i] : MemoryMarshal.Read<ushort>(numbers.AsSpan(i * width)));
            ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan(0, count))[drop..];
            int taken = Math.Min(bytes.Length, destination.Length);
            bytes[..taken].CopyTo(destination);
            destination = destination[taken..];
            offset += taken;
        }
    }

    private uint Value(int number)
    {
        double value = number * quantization.Scale + quantization.Minimum;
        return isInteger
            ? (uint)(int)Math.Clamp(Math.Floor(value + 0.5), int.MinValue, int.MaxValue)
            : BitConverter.SingleToUInt32Bits((float)value);
    }
}
