using System.Text;

namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages a pickle an operation at a time, so that what comes out is mostly a pickle still.</summary>
internal static class PickleMutation
{
    private const string Plain = "N()]}tlaeusd012RbQoP\x81\x85\x86\x87\x88\x89\x8F\x90\x91\x93\x94\x97\x98.";

    private static readonly string[] s_globals =
    [
        "torch._utils\n_rebuild_tensor_v2", "torch._utils\n_rebuild_tensor", "torch._utils\n_rebuild_parameter", "torch._utils\n_rebuild_qtensor", "torch._utils\n_rebuild_sparse_tensor",
        "torch._utils\n_rebuild_wrapper_subclass", "torch._utils\n_rebuild_meta_tensor_no_storage", "collections\nOrderedDict", "collections\ndefaultdict", "torch\nFloatStorage", "torch\nHalfStorage",
        "torch\nBFloat16Storage", "torch\nQInt8Storage", "torch\nComplexDoubleStorage", "torch\nSize", "torch\nfloat32", "builtins\nset", "__builtin__\nset", "os\nsystem", "builtins\neval",
        "torch.nn.parameter\nParameter", "torch._tensor\n_rebuild_from_type_v2", "mylab.models\nNet", "copyreg\n_reconstructor",
    ];

    private readonly record struct Op(int Start, int Argument, int Width, int End);

    /// <summary>Damages the first pickle in the bytes that has more than a few operations.</summary>
    public static byte[]? ApplyLegacy(Random random, byte[] bytes, byte[] other, out string step)
    {
        int at = 0;
        step = "";
        while (at < bytes.Length)
        {
            List<Op> ops = Ops(bytes[at..]);
            if (ops.Count == 0)
                return null;
            int end = at + ops[^1].End;
            // The fourth pickle is the model; the short ones before it are hit now and then.
            if (ops.Count > 12 || random.Next(8) == 0)
                return Apply(random, bytes[at..end], other, out step) is { } changed ? [.. bytes[..at], .. changed, .. bytes[end..]] : null;
            at = end;
        }
        return null;
    }

    public static byte[]? Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        step = "";
        List<Op> ops = Ops(bytes);
        if (ops.Count < 2)
            return null;
        Op op = ops[random.Next(ops.Count)];
        Op second = ops[random.Next(ops.Count)];
        switch (random.Next(9))
        {
            case 0:
                step = $"operation at {op.Start} gone";
                return Replace(bytes, op.Start, op.End, []);
            case 1:
                step = $"operation at {second.Start} copied before {op.Start}";
                return Replace(bytes, op.Start, op.Start, bytes[second.Start..second.End]);
            case 2:
                step = $"operation at {op.Start} replaced by the one at {second.Start}";
                return Replace(bytes, op.Start, op.End, bytes[second.Start..second.End]);
            case 3:
                return Number(random, bytes, ops, out step);
            case 4:
                byte[] made = [(byte)random.Pick(Plain.ToCharArray())];
                step = $"operation 0x{made[0]:X2} put at {op.Start}";
                return Replace(bytes, op.Start, random.Next(2) == 0 ? op.Start : op.End, made);
            case 5:
                int slot = random.Next(4);
                bool put = random.Next(2) == 0;
                step = $"{(put ? "kept" : "taken")} {slot} at {op.End}";
                return Replace(bytes, op.End, op.End, [(byte)(put ? 'q' : 'h'), (byte)slot]);
            case 6:
                return Nest(random, bytes, op.Start, out step);
            case 7:
                string global = random.Pick(s_globals);
                step = $"import at {op.Start}: {global.Replace('\n', '.')}";
                return Replace(bytes, op.Start, op.End, Encoding.ASCII.GetBytes($"c{global}\n"));
            default:
                List<Op> donors = Ops(other);
                if (donors.Count == 0)
                    return null;
                int first = random.Next(donors.Count);
                int last = Math.Min(donors.Count - 1, first + random.Next(40));
                step = $"{last - first + 1} operations of another pickle put at {op.Start}";
                return Replace(bytes, op.Start, random.Next(2) == 0 ? op.Start : op.End, other[donors[first].Start..donors[last].End]);
        }
    }

    private static byte[]? Number(Random random, byte[] bytes, List<Op> ops, out string step)
    {
        Op[] numbered = [.. ops.Where(o => o.Width > 0)];
        step = "";
        if (numbered.Length == 0)
            return null;
        Op op = random.Pick(numbered);
        // Of an integer, its digits rather than how many they are.
        if (bytes[op.Start] == 0x8A && bytes[op.Argument] is > 0 and <= 8 && random.Next(4) > 0)
            op = op with { Argument = op.Argument + 1, Width = bytes[op.Argument] };
        byte[] copy = [.. bytes];
        ulong was = Choices.Get(bytes, op.Argument, op.Width);
        ulong now = random.Boundary(was, bytes.Length);
        step = $"number {was} at {op.Argument} made {now}";
        Choices.Put(copy, op.Argument, op.Width, now);
        return copy;
    }

    private static byte[] Nest(Random random, byte[] bytes, int at, out string step)
    {
        int depth = random.Pick([2, 50, 199, 200, 201, 1000, 20_000]);
        step = $"{depth} containers at {at}";
        byte[] deep = random.Next(3) switch
        {
            0 => [.. Enumerable.Repeat((byte)']', depth), .. Enumerable.Repeat((byte)'a', depth - 1)],
            1 => [.. Enumerable.Repeat((byte)'(', depth), .. Enumerable.Repeat((byte)'t', depth)],
            // A tuple of itself twice, again and again: as many values as no memory holds.
            _ => [.. ")"u8, .. Enumerable.Repeat("2\x86"u8.ToArray(), depth).SelectMany(b => b)],
        };
        // Kept as the value of a key where one can be set, dropped again elsewhere.
        byte[] use = random.Next(2) == 0 ? [.. deep, (byte)'0'] : deep;
        return Replace(bytes, at, at, use);
    }

    private static byte[] Replace(byte[] bytes, int start, int end, byte[] now) => [.. bytes[..start], .. now, .. bytes[end..]];

    /// <summary>Operations up to STOP; none where an opcode is not known.</summary>
    private static List<Op> Ops(byte[] bytes)
    {
        List<Op> ops = [];
        int at = 0;
        while (at < bytes.Length)
        {
            int width = bytes[at] switch
            {
                (byte)'X' or (byte)'T' or (byte)'B' or 0x8B or (byte)'J' or (byte)'r' or (byte)'j' => 4,
                (byte)'U' or (byte)'C' or 0x8C or 0x8A or (byte)'K' or (byte)'q' or (byte)'h' or 0x80 => 1,
                (byte)'M' => 2,
                (byte)'G' or 0x95 or 0x8D or 0x8E or 0x96 => 8,
                _ => 0,
            };
            bool counted = bytes[at] is (byte)'X' or (byte)'T' or (byte)'B' or (byte)'U' or (byte)'C' or 0x8A or 0x8B or 0x8C or 0x8D or 0x8E or 0x96;
            long end = at + 1L + width + (counted ? (long)Math.Min(Choices.Get(bytes, at + 1, width), int.MaxValue) : 0);
            if (bytes[at] == 'c')
            {
                int first = Array.IndexOf(bytes, (byte)'\n', at);
                int second = first < 0 ? -1 : Array.IndexOf(bytes, (byte)'\n', first + 1);
                end = second < 0 ? long.MaxValue : second + 1;
            }
            if (end > bytes.Length)
                return ops;
            ops.Add(new Op(at, at + 1, width, (int)end));
            if (bytes[at] == '.')
                return ops;
            at = (int)end;
        }
        return ops;
    }
}
