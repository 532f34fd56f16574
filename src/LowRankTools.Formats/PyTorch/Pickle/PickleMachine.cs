using System.Numerics;
using System.Text;

namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// Runs the opcodes of a pickle into plain values. Nothing is imported, called or constructed: a class or function
/// is a name, and what a pickle would have done with it is handed to <see cref="TorchObjects"/>, which knows the
/// few names that describe tensors. Memory is bounded by <see cref="PickleLimits"/> and <see cref="PickleBudget"/>.
/// </summary>
internal sealed class PickleMachine(PickleInput input, TorchObjects objects)
{
    private static readonly object s_true = true;
    private static readonly object s_false = false;
    private static readonly object[] s_smallIntegers = [.. Enumerable.Range(0, 256).Select(i => (object)(long)i)];

    private readonly PickleStack _stack = new();
    private readonly PickleBudget _budget = new(input);
    private int _operations;
    private long _textBytes;

    /// <summary>Runs until STOP; the input then stands behind it.</summary>
    /// <exception cref="ModelFormatException"><c>PickleInvalid</c>, <c>HeaderTruncated</c>, <c>PickleGlobalRefused</c>.</exception>
    public object Load()
    {
        if (input.ReadByte() != (byte)PickleOpcode.Proto || input.ReadByte() is < 2 or > 5)
            throw Invalid("It does not begin as a pickle of protocol 2 to 5.");
        while (true)
        {
            if (++_operations > PickleLimits.MaxOperations)
                throw Invalid($"It has more than {PickleLimits.MaxOperations} operations.");
            PickleOpcode opcode = (PickleOpcode)input.ReadByte();
            if (opcode == PickleOpcode.Stop)
                return _stack.Pop();
            if (!Scalar(opcode) && !Container(opcode) && !Objects(opcode))
                throw Invalid($"It contains the unknown operation 0x{(byte)opcode:X2}.");
        }
    }

    /// <summary>Opcodes that push one value, and those that move values about.</summary>
    private bool Scalar(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.None: _stack.Push(PickleNone.Instance); break;
            case PickleOpcode.NewTrue: _stack.Push(s_true); break;
            case PickleOpcode.NewFalse: _stack.Push(s_false); break;
            case PickleOpcode.BinInt1: _stack.Push(s_smallIntegers[input.ReadByte()]); break;
            case PickleOpcode.BinInt2: PushNumber((long)input.ReadUInt16()); break;
            case PickleOpcode.BinInt: PushNumber((long)input.ReadInt32()); break;
            case PickleOpcode.Long1: PushInteger(input.ReadByte()); break;
            case PickleOpcode.Long4: PushInteger(input.ReadUInt32()); break;
            case PickleOpcode.BinFloat: PushNumber(input.ReadDouble()); break;
            case PickleOpcode.ShortBinUnicode: PushText(input.ReadByte()); break;
            case PickleOpcode.ShortBinString: PushText(input.ReadByte()); break;
            case PickleOpcode.BinUnicode: PushText(input.ReadUInt32()); break;
            case PickleOpcode.BinString: PushText(input.ReadUInt32()); break;
            case PickleOpcode.BinUnicode8: PushText(input.ReadUInt64()); break;
            case PickleOpcode.ShortBinBytes: PushBytes(input.ReadByte()); break;
            case PickleOpcode.BinBytes: PushBytes(input.ReadUInt32()); break;
            case PickleOpcode.BinBytes8: PushBytes(input.ReadUInt64()); break;
            case PickleOpcode.ByteArray8: PushBytes(input.ReadUInt64()); break;
            case PickleOpcode.NextBuffer: _stack.Push(PickleOpaque.Instance); break;
            case PickleOpcode.ReadOnlyBuffer: _ = _stack.Top; break;
            // A frame only promises how much can be read at once; the window does that anyhow.
            case PickleOpcode.Frame: input.ReadUInt64(); break;
            case PickleOpcode.Proto: input.ReadByte(); break;
            case PickleOpcode.Pop: _stack.Drop(); break;
            case PickleOpcode.PopMark: _stack.PopToMark(); break;
            case PickleOpcode.Dup: _stack.Push(_stack.Top); break;
            case PickleOpcode.Mark: _stack.Mark(); break;
            case PickleOpcode.BinPut: _stack.Put(input.ReadByte(), _operations); break;
            case PickleOpcode.LongBinPut: _stack.Put(input.ReadUInt32(), _operations); break;
            case PickleOpcode.Memoize: _stack.Memoize(); break;
            case PickleOpcode.BinGet: _stack.Get(input.ReadByte()); break;
            case PickleOpcode.LongBinGet: _stack.Get(input.ReadUInt32()); break;
            default: return false;
        }
        return true;
    }

    /// <summary>Opcodes that build tuples, lists, sets and dicts.</summary>
    private bool Container(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.EmptyTuple: _stack.Push(PickleTuple.Empty); break;
            case PickleOpcode.Tuple1: PushTuple(_stack.Pop(1)); break;
            case PickleOpcode.Tuple2: PushTuple(_stack.Pop(2)); break;
            case PickleOpcode.Tuple3: PushTuple(_stack.Pop(3)); break;
            case PickleOpcode.Tuple or PickleOpcode.FrozenSet: PushTuple(_stack.PopToMark()); break;
            case PickleOpcode.EmptyList or PickleOpcode.EmptySet: PushEmpty(new PickleList()); break;
            case PickleOpcode.EmptyDict: PushEmpty(new PickleDict()); break;
            case PickleOpcode.List:
                object[] elements = _stack.PopToMark();
                PushEmpty(new PickleList());
                Append(elements);
                break;
            case PickleOpcode.Dict:
                object[] pairs = _stack.PopToMark();
                PushEmpty(new PickleDict());
                SetItems(pairs);
                break;
            case PickleOpcode.Append: Append(_stack.Pop(1)); break;
            case PickleOpcode.Appends or PickleOpcode.AddItems: Append(_stack.PopToMark()); break;
            case PickleOpcode.SetItem: SetItems(_stack.Pop(2)); break;
            case PickleOpcode.SetItems: SetItems(_stack.PopToMark()); break;
            default: return false;
        }
        return true;
    }

    /// <summary>Opcodes that would import and call.</summary>
    private bool Objects(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Global:
                PushGlobal(input.ReadLine(PickleLimits.MaxGlobalLength), input.ReadLine(PickleLimits.MaxGlobalLength));
                break;
            case PickleOpcode.StackGlobal:
                object name = _stack.Pop();
                PushGlobal(_stack.Pop() as string ?? throw Unnamed(), name as string ?? throw Unnamed());
                break;
            case PickleOpcode.Ext1 or PickleOpcode.Ext2 or PickleOpcode.Ext4:
                throw PickleGlobals.Refused("an entry of Python's extension registry");
            case PickleOpcode.BinPersId: PushMade(objects.PersistentLoad(_stack.Pop())); break;
            case PickleOpcode.Reduce: Call(_stack.Pop(), TorchObjects.Reduce); break;
            case PickleOpcode.NewObj: Call(_stack.Pop(), TorchObjects.New); break;
            case PickleOpcode.NewObjEx:
                _stack.Pop();
                Call(_stack.Pop(), TorchObjects.New);
                break;
            case PickleOpcode.Obj:
                object[] parts = _stack.PopToMark();
                _budget.Tuple(parts.Length);
                PushMade(TorchObjects.New(parts.Length > 0 ? parts[0] : throw Unnamed(), new PickleTuple(parts[1..])));
                break;
            case PickleOpcode.Build:
                object state = _stack.Pop();
                if (_stack.Top is PickleObject built)
                    built.State = state;
                break;
            default: return false;
        }
        return true;
    }

    private void Call(object arguments, Func<object, PickleTuple, object> make)
    {
        object callable = _stack.Pop();
        PushMade(make(callable, arguments as PickleTuple ?? throw Invalid("It calls something with what is no tuple.")));
    }

    private void Append(object[] items)
    {
        PickleList list = _stack.Top switch
        {
            PickleList known => known,
            PickleObject unknown => unknown.Elements ??= new(),
            _ => throw Invalid("It appends to what is no list."),
        };
        _budget.Items(list, items.Length);
        Array.ForEach(items, list.Add);
    }

    private void SetItems(object[] pairs)
    {
        if (pairs.Length % 2 != 0)
            throw Invalid("It sets a key without a value.");
        PickleDict dict = _stack.Top switch
        {
            PickleDict known => known,
            PickleObject unknown => unknown.Entries ??= new(),
            _ => throw Invalid("It sets a key of what is no dict."),
        };
        _budget.Entries(dict, pairs.Length / 2);
        for (int i = 0; i < pairs.Length; i += 2)
            dict.Set(pairs[i], pairs[i + 1]);
    }

    private void PushNumber(object value)
    {
        _budget.Number();
        _stack.Push(value);
    }

    private void PushTuple(object[] items)
    {
        _budget.Tuple(items.Length);
        _stack.Push(new PickleTuple(items));
    }

    private void PushEmpty(object container)
    {
        _budget.Empty();
        _stack.Push(container);
    }

    private void PushGlobal(string module, string name)
    {
        _budget.Text(module.Length);
        _budget.Text(name.Length);
        _stack.Push(PickleGlobals.Admit(module, name));
    }

    private void PushMade(object value)
    {
        _budget.Made(value);
        _stack.Push(value);
    }

    private void PushInteger(uint bytes)
    {
        if (bytes > PickleLimits.MaxIntegerBytes)
        {
            input.Skip(bytes);
            _stack.Push(PickleOpaque.Instance);
            return;
        }
        _budget.Text((int)bytes);
        BigInteger value = new(input.Take((int)bytes));
        _stack.Push(value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value);
    }

    private void PushText(ulong bytes)
    {
        if (bytes > PickleLimits.MaxTextBytes)
        {
            input.Skip(bytes);
            _stack.Push(PickleOpaque.Instance);
            return;
        }
        _textBytes += (long)bytes;
        if (_textBytes > PickleLimits.MaxTotalTextBytes)
            throw Invalid($"Its texts are longer than {PickleLimits.MaxTotalTextBytes} bytes.");
        ReadOnlySpan<byte> text = input.Take((int)bytes);
        _budget.Text(text.Length);
        _stack.Push(Encoding.UTF8.GetString(text));
    }

    private void PushBytes(ulong bytes)
    {
        input.Skip(bytes);
        _stack.Push(PickleOpaque.Instance);
    }

    private static ModelFormatException Unnamed() => Invalid("It imports something without a name.");

    private static ModelFormatException Invalid(string message) => new(FormatErrors.PickleInvalid, $"The pickle is damaged. {message}");
}
