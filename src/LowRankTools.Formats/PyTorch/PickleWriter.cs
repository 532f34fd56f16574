using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using LowRankTools.Formats.PyTorch.Pickle;

namespace LowRankTools.Formats.PyTorch;

/// <summary>Writes the few opcodes of protocol 2 that a state dict needs. Every loader of PyTorch accepts them.</summary>
internal sealed class PickleWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Dictionary<string, int> _globals = new(StringComparer.Ordinal);

    public PickleWriter()
    {
        Byte((byte)PickleOpcode.Proto);
        Byte(2);
    }

    public void Op(PickleOpcode opcode) => Byte((byte)opcode);

    /// <summary>A class or function; from the second time on, a reference to the first.</summary>
    public void Global(string module, string name)
    {
        string full = $"{module}\n{name}\n";
        if (_globals.TryGetValue(full, out int index))
        {
            Op(PickleOpcode.BinGet);
            Byte((byte)index);
            return;
        }
        Op(PickleOpcode.Global);
        _bytes.Write(Encoding.ASCII.GetBytes(full));
        _globals[full] = index = _globals.Count;
        Op(PickleOpcode.BinPut);
        Byte(checked((byte)index));
    }

    public void Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        Op(PickleOpcode.BinUnicode);
        _bytes.Write(length);
        _bytes.Write(bytes);
    }

    public void Integer(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        switch (value)
        {
            case >= 0 and <= byte.MaxValue:
                Op(PickleOpcode.BinInt1);
                _bytes.Write(bytes[..1]);
                break;
            case >= int.MinValue and <= int.MaxValue:
                Op(PickleOpcode.BinInt);
                _bytes.Write(bytes[..4]);
                break;
            default:
                Op(PickleOpcode.Long1);
                Byte(sizeof(long));
                _bytes.Write(bytes);
                break;
        }
    }

    public void Tuple(IEnumerable<long> values)
    {
        Op(PickleOpcode.Mark);
        foreach (long value in values)
            Integer(value);
        Op(PickleOpcode.Tuple);
    }

    public void EmptyOrderedDict()
    {
        Global("collections", "OrderedDict");
        Op(PickleOpcode.EmptyTuple);
        Op(PickleOpcode.Reduce);
    }

    private void Byte(byte value) => _bytes.Write(new ReadOnlySpan<byte>(ref value));

    public byte[] Complete()
    {
        Op(PickleOpcode.Stop);
        return _bytes.WrittenSpan.ToArray();
    }
}
