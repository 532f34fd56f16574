using LowRankTools.Formats.IO;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Onnx;

/// <summary>
/// A repeated number field: packed (one run of bytes), unpacked (a tag before each number) or both in turns, as
/// protobuf allows. What it holds is the same as one packed run would.
/// </summary>
internal sealed class RepeatedNumbers
{
    private readonly List<(MessageSpan Packed, List<byte>? Unpacked)> _runs = [];

    /// <summary>Bytes of all numbers as they are encoded.</summary>
    public long Length { get; private set; }

    /// <summary>Takes in the next occurrence of the field.</summary>
    /// <param name="reader">Stands after the tag.</param>
    /// <param name="end">End of the message.</param>
    /// <param name="type">Wire type of the tag.</param>
    /// <param name="single">Wire type of one number.</param>
    public void Add(ProtobufReader reader, long end, WireType type, WireType single)
    {
        if (type == WireType.Bytes)
        {
            reader.CountItem();
            MessageSpan packed = reader.ReadSpan(end, type);
            if (packed.Length == 0)
                return;
            _runs.Add((packed, null));
            Length += packed.Length;
            return;
        }
        if (type != single)
            throw reader.Invalid($"{single} expected, {type} found");
        long start = reader.Position;
        reader.Skip(end, type);
        Append(reader.ReadBytes(new MessageSpan(start, reader.Position)), reader);
    }

    /// <summary>The encoded bytes, wherever they lie.</summary>
    public ITensorSource Encoded(ModelFileHandle file)
    {
        if (_runs.Count == 1)
            return Source(file, _runs[0]);
        return new JoinedRegions([.. _runs.Select(run => (Source(file, run), run.Unpacked?.Count ?? run.Packed.Length))]);
    }

    private static ITensorSource Source(ModelFileHandle file, (MessageSpan Packed, List<byte>? Unpacked) run) =>
        run.Unpacked is null ? new FileRegion(file, run.Packed.Start, run.Packed.Length) : new MemoryRegion(run.Unpacked.ToArray());

    private void Append(byte[] number, ProtobufReader reader)
    {
        if (_runs.Count == 0 || _runs[^1].Unpacked is null)
        {
            reader.CountItem();
            _runs.Add((default, []));
        }
        _runs[^1].Unpacked!.AddRange(number);
        Length += number.Length;
        if (Length > OnnxLimits.UnpackedBytes)
            throw new ModelFormatException(FormatErrors.HeaderTooLarge, "A tensor of this size must be packed.", reader.File.Path, remedy: "Save it with packed fields or raw data, as onnx.numpy_helper does.");
    }
}
