using System.Runtime.InteropServices;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Quantization;

/// <summary>Values of a quantised matrix, level x scale in float32.</summary>
/// <param name="levels">The levels: signed bytes, or nibbles that stand for -8 to 7, the first of two in the low half.</param>
/// <param name="nibbles">Whether they are nibbles.</param>
/// <param name="scales">The scales.</param>
/// <param name="scaleType">Their element type.</param>
/// <param name="run">Values in a row that share a scale.</param>
/// <param name="period">Scales after which the first one comes again; their number where none does.</param>
internal sealed class ScaledSource(ITensorSource levels, bool nibbles, ITensorSource scales, TensorDType scaleType, long run, long period) : ITensorSource
{
    private const int ChunkElements = 16 * 1024;

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination)
    {
        float[] values = new float[Math.Min(ChunkElements, destination.Length / sizeof(float) + 2)];
        while (destination.Length > 0)
        {
            long first = offset / sizeof(float);
            int drop = (int)(offset % sizeof(float));
            int count = (int)Math.Min(values.Length, ((long)drop + destination.Length + sizeof(float) - 1) / sizeof(float));
            ReadLevels(first, values.AsSpan(0, count));
            Scale(first, values.AsSpan(0, count));
            ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan(0, count))[drop..];
            int taken = Math.Min(bytes.Length, destination.Length);
            bytes[..taken].CopyTo(destination);
            destination = destination[taken..];
            offset += taken;
        }
    }

    private void ReadLevels(long first, Span<float> values)
    {
        long start = nibbles ? first / 2 : first, end = nibbles ? (first + values.Length + 1) / 2 : first + values.Length;
        byte[] bytes = new byte[end - start];
        levels.Read(start, bytes);
        for (int i = 0; i < values.Length; i++)
        {
            long element = first + i;
            values[i] = nibbles ? (bytes[element / 2 - start] >> (4 * (int)(element & 1)) & 15) - 8 : (sbyte)bytes[i];
        }
    }

    // Long runs need few scales, short ones a stretch of them that may begin anew.
    private void Scale(long first, Span<float> values)
    {
        long done = 0;
        while (done < values.Length)
        {
            long place = (first + done) / run % period;
            long elements = Math.Min(values.Length - done, (period - place) * run - (first + done) % run);
            int count = (int)(((first + done) % run + elements + run - 1) / run);
            byte[] bytes = new byte[scaleType.ByteLength(count)];
            float[] steps = new float[count];
            scales.Read(scaleType.ByteLength(place), bytes);
            TensorConversion.ToSingle(scaleType, bytes, steps, "");
            for (long i = 0; i < elements; i++)
                values[(int)(done + i)] *= steps[((first + done) % run + i) / run];
            done += elements;
        }
    }
}
