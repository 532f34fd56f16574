using System.Text;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>Pickles whose values take far more memory than they are long, and honest ones that must not be taken for them.</summary>
public sealed class PickleBudgetTests
{
    // For a pickle of a megabyte: values of 56 MB, and what building and following them allocates along the way.
    private const long AllowedAllocation = 160L << 20;

    private static byte[] Repeat(byte[] opcodes, int times)
    {
        byte[] all = new byte[opcodes.Length * times];
        for (int i = 0; i < times; i++)
            opcodes.CopyTo(all, i * opcodes.Length);
        return all;
    }

    private static byte[] ListOf(byte[] opcodes, int times) => [(byte)']', (byte)'(', .. Repeat(opcodes, times), (byte)'e'];

    /// <summary>A function is remembered as 0 and its arguments, last of the opcodes, as 1; then they are called over and over.</summary>
    private static byte[] Calls(P.Global function, byte[] arguments, int times) =>
        [.. P.Encode(function), 0x94, .. arguments, 0x94, .. ListOf([(byte)'h', 0, (byte)'h', 1, (byte)'R'], times)];

    private static byte[] Pickle(byte protocol, byte[] opcodes)
    {
        ZipBuilder zip = new();
        zip.Add("net/data.pkl", [0x80, protocol, .. opcodes, (byte)'.']);
        zip.Add("net/data/0", T.Floats(1));
        return zip.ToArray();
    }

    public static TheoryData<string, byte[]> Floods => new()
    {
        { "tuples in tuples", [(byte)'N', .. Repeat([0x85], 1_000_000)] },
        { "empty lists", ListOf([(byte)']'], 1_000_000) },
        { "lists of one", ListOf("]Na"u8.ToArray(), 333_333) },
        { "dicts of one", ListOf("}NNs"u8.ToArray(), 250_000) },
        { "lists in lists", [.. Repeat([(byte)']'], 500_000), .. Repeat([(byte)'a'], 499_999)] },
        { "objects as dicts", [.. P.Encode(new P.Global("a", "b")), 0x94, .. ListOf([(byte)'h', 0, (byte)')', 0x81, (byte)'N', (byte)'N', (byte)'s'], 150_000)] },
        { "copies of a dict", Calls(new P.Global("collections", "OrderedDict"), [.. ListOf([(byte)'G', 0, 0, 0, 0, 0, 0, 0, 0, (byte)'N', 0x86], 1), 0x85], 1_000_000 / 5) },
        { "copies of a large dict", Calls(new P.Global("collections", "OrderedDict"), [(byte)']', (byte)'(', .. Enumerable.Range(0, 60_000).SelectMany(i => (byte[])[(byte)'J', .. P.LittleEndian((ulong)i, 4), (byte)'N', 0x86]), (byte)'e', 0x85], 10_000) },
        { "copies of a tensor's sizes", Calls(T.RebuildTensor,
            [(byte)'(', .. P.Encode(T.Storage("FloatStorage", "0", 1)), (byte)'K', 0, (byte)'(', .. Repeat([(byte)'K', 1], 100_000), (byte)'t', (byte)'2', 0x89, (byte)'N', (byte)'t'], 10_000) },
    };

    [Theory]
    [MemberData(nameof(Floods))]
    public void Floods_are_stopped(string what, byte[] opcodes)
    {
        Assert.NotEmpty(what);
        byte[] archive = Pickle(4, opcodes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => new Opened(archive).Dispose());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, AllowedAllocation);
        Assert.Equal(FormatErrors.PickleInvalid, e.ErrorId);
        Assert.Contains("MB of values", e.Message, StringComparison.Ordinal);
        Assert.Contains("model.pt", e.File, StringComparison.Ordinal);
        Assert.NotEmpty(e.Remedy);
    }

    /// <summary>As densely as Python's pickler writes it: names by number, every container remembered.</summary>
    [Fact]
    public void Sixty_thousand_tensors_are_a_model()
    {
        List<byte> opcodes = [.. P.Encode(T.RebuildTensor), (byte)'q', 0, .. P.Encode(new P.Global("collections", "OrderedDict")), (byte)'q', 1, .. P.Encode(T.Storage("FloatStorage", "0", 1)), (byte)'q', 2, (byte)'}', (byte)'('];
        for (int i = 0; i < 60_000; i++)
        {
            byte[] name = Encoding.ASCII.GetBytes($"h.{i}.w"), put = [(byte)'r', .. P.LittleEndian((ulong)(i + 3), 4)];
            opcodes.AddRange([(byte)'X', (byte)name.Length, 0, 0, 0, .. name, .. put, (byte)'h', 0, (byte)'(', (byte)'h', 2, (byte)'K', 0]);
            opcodes.AddRange([(byte)'K', 1, 0x85, .. put, (byte)'K', 1, 0x85, .. put, 0x89, (byte)'h', 1, (byte)')', (byte)'R', .. put, (byte)'t', .. put, (byte)'R', .. put]);
        }
        using Opened opened = new(Pickle(2, [.. opcodes, (byte)'u']));
        Assert.Equal(60_000, opened.Names.Length);
    }

    [Fact]
    public void Beside_a_model_there_may_be_a_history_of_small_dicts()
    {
        byte[] entry = [(byte)'}', (byte)'r', 2, 0, 0, 0, (byte)'(', .. P.Encode("loss"), (byte)'G', 63, 240, 0, 0, 0, 0, 0, 0, .. P.Encode("step"), (byte)'J', 0, 1, 0, 0, (byte)'u'];
        byte[] opcodes = P.Encode(P.Dict(("history", new P.Raw(ListOf(entry, 150_000))), ("w", T.Tensor("0", 1))));
        using Opened opened = new(Pickle(2, opcodes));
        Assert.Equal(["w"], opened.Names);
    }
}
