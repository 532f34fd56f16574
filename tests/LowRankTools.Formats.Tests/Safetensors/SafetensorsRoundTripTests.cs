using System.Collections.Immutable;
using System.Security.Cryptography;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.Safetensors;

/// <summary>What is written is read back byte for byte, in one file or in shards.</summary>
public sealed class SafetensorsRoundTripTests : IDisposable
{
    private static readonly Dictionary<string, string> s_text = new() { ["format"] = "pt", ["Größe"] = "a \"quoted\" line\n" };

    private readonly TestFolder _folder = new();

    public static TheoryData<TensorDType> DTypes =>
    [
        TensorDType.BOOL, TensorDType.U8, TensorDType.I8, TensorDType.U16, TensorDType.I16, TensorDType.U32, TensorDType.I32,
        TensorDType.U64, TensorDType.I64, TensorDType.F16, TensorDType.BF16, TensorDType.F32, TensorDType.F64, TensorDType.F8_E5M2,
        TensorDType.F8_E4M3, TensorDType.F8_E5M2FNUZ, TensorDType.F8_E4M3FNUZ, TensorDType.F8_E8M0, TensorDType.F6_E2M3,
        TensorDType.F6_E3M2, TensorDType.F4, TensorDType.C64,
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(DTypes))]
    public void Every_type_comes_back_byte_for_byte(TensorDType dtype)
    {
        (TensorSpec Spec, byte[] Bytes)[] model = [Tensor("weight", dtype, 4, 6), Tensor("empty", dtype, 0, 3), Tensor("bias", dtype, 12)];
        using TensorFile file = TensorFiles.Open(Write(model)[0]);
        AssertSame(model, file);
        Assert.Equal(s_text, file.Metadata);
    }

    [Fact]
    public void Scalars_and_empty_tensors_in_the_middle_of_data()
    {
        (TensorSpec, byte[])[] model = [Tensor("a", TensorDType.F32, 2), Tensor("none", TensorDType.F64, 0), Tensor("one", TensorDType.I64), Tensor("b", TensorDType.BF16, 1)];
        using TensorFile file = TensorFiles.Open(Write(model)[0]);
        AssertSame(model, file);
        Assert.Equal([2L, 0L, 1L, 1L], model.Select(t => Find(file, t.Item1.Name).ElementCount));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(250)]
    [InlineData(1_000_000)]
    public void Shards_hold_what_one_file_holds(long maxShardBytes)
    {
        (TensorSpec Spec, byte[] Bytes)[] model = [.. Enumerable.Range(0, 12).Select(i => Tensor($"layer.{i}.weight", TensorDType.F16, 1 + i * 7 % 5, 10))];
        IReadOnlyList<string> written = Write(model, maxShardBytes);
        using TensorFile file = TensorFiles.Open(written[0]);
        AssertSame(model, file);
        Assert.Equal(written, file.Files);
        Assert.Equal(written.Sum(f => new FileInfo(f).Length), file.FileBytes);
        foreach (string shard in written.Skip(1))
        {
            using TensorFile one = TensorFiles.Open(shard);
            Assert.True(one.Tensors.Count == 1 || one.Tensors.Sum(t => t.ByteLength) <= maxShardBytes);
            // Shards carry the identity of their run as well.
            Assert.Equal(s_text, one.Metadata.Where(m => m.Key != ShardSet.Key).ToDictionary());
        }
    }

    [Fact]
    public void Data_begins_aligned()
    {
        using TensorFile file = TensorFiles.Open(Write([Tensor("a", TensorDType.F64, 3)])[0]);
        Assert.Equal(0, ((FileRegion)file.Tensors[0].Source).Start % 64);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void Two_runs_give_the_same_bytes(long maxShardBytes)
    {
        (TensorSpec, byte[])[] model = [.. Enumerable.Range(0, 6).Select(i => Tensor($"t{i}", TensorDType.F32, 5 + i))];
        string[] first = [.. Write(model, maxShardBytes, "one").Select(Hash)];
        string[] second = [.. Write(model, maxShardBytes, "two").Select(Hash)];
        Assert.Equal(first, second);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    public void Giving_up_leaves_nothing_behind(long maxShardBytes)
    {
        using (SafetensorsModelWriter writer = new(_folder["m.safetensors"], [Bytes("a", 8), Bytes("b", 8), Bytes("c", 8)], s_text, maxShardBytes))
        {
            writer.Begin(Bytes("a", 8));
            writer.Write(new byte[8]);
            writer.Begin(Bytes("b", 8));
            writer.Write(new byte[3]);
            Assert.Throws<InvalidOperationException>(() => writer.Complete());
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void A_writer_refuses_what_a_reader_would_refuse()
    {
        Assert.Equal(FormatErrors.DTypeUnsupported, Refusal(new TensorSpec("a", TensorDType.Q8_0, [32])));
        Assert.Equal(FormatErrors.TensorSizeMismatch, Refusal(new TensorSpec("a", TensorDType.F4, [3])));
        Assert.Equal(FormatErrors.HeaderInvalid, Refusal(Bytes("__metadata__", 1)));
        Assert.Equal(FormatErrors.DuplicateTensor, Refusal(Bytes("a", 1), Bytes("a", 2)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void A_writer_takes_what_was_announced_and_nothing_else()
    {
        using SafetensorsModelWriter writer = new(_folder["m.safetensors"], [Bytes("a", 1), Bytes("b", 1)], s_text);
        Assert.Throws<InvalidOperationException>(() => writer.Begin(Bytes("b", 1)));
        Assert.Throws<InvalidOperationException>(() => writer.Begin(Bytes("a", 2)));
        Assert.Throws<InvalidOperationException>(() => writer.Begin(new TensorSpec("a", TensorDType.I8, [1])));
        writer.Begin(Bytes("a", 1));
        Assert.Throws<InvalidOperationException>(() => writer.Write(new byte[2]));
        Assert.Throws<InvalidOperationException>(() => writer.Begin(Bytes("b", 1)));
        writer.Write(new byte[1]);
        Assert.Throws<InvalidOperationException>(() => writer.Complete());
        writer.Begin(Bytes("b", 1));
        writer.Write(new byte[1]);
        Assert.Throws<InvalidOperationException>(() => writer.Begin(Bytes("c", 1)));
        Assert.Single(writer.Complete());
    }

    [Fact]
    public void Text_that_comes_last_replaces_the_first()
    {
        Dictionary<string, string> last = new() { ["format"] = "np" };
        using (SafetensorsModelWriter writer = new(_folder["m.safetensors"], [], s_text))
            writer.Complete(last);
        using TensorFile file = TensorFiles.Open(_folder["m.safetensors"]);
        Assert.Equal(last, file.Metadata);
        Assert.Empty(file.Tensors);
    }

    private static TensorSpec Bytes(string name, long length) => new(name, TensorDType.U8, [length]);

    private string Refusal(params TensorSpec[] tensors)
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => new SafetensorsModelWriter(_folder["m.safetensors"], tensors, s_text));
        Assert.Equal(_folder["m.safetensors"], e.File);
        return e.ErrorId;
    }

    private static (TensorSpec Spec, byte[] Bytes) Tensor(string name, TensorDType dtype, params long[] shape)
    {
        TensorSpec spec = new(name, dtype, ImmutableArray.Create(shape));
        byte[] bytes = new byte[spec.ByteLength];
        new Random(name.Length + shape.Length).NextBytes(bytes);
        return (spec, bytes);
    }

    private IReadOnlyList<string> Write((TensorSpec Spec, byte[] Bytes)[] model, long maxShardBytes = 0, string folder = ".")
    {
        Directory.CreateDirectory(_folder[folder]);
        using SafetensorsModelWriter writer = new(Path.GetFullPath(Path.Combine(_folder[folder], "model.safetensors")),
            model.Select(t => t.Spec), s_text, maxShardBytes);
        foreach ((TensorSpec spec, byte[] bytes) in model)
        {
            writer.Begin(spec);
            for (int at = 0; at < bytes.Length; at += 7)
                writer.Write(bytes.AsSpan(at, Math.Min(7, bytes.Length - at)));
        }
        return writer.Complete();
    }

    private static void AssertSame((TensorSpec Spec, byte[] Bytes)[] model, TensorFile file)
    {
        Assert.Equal(model.Select(t => t.Spec.Name).Order(), file.Tensors.Select(t => t.Name).Order());
        foreach ((TensorSpec spec, byte[] bytes) in model)
        {
            TensorInfo tensor = Find(file, spec.Name);
            byte[] read = new byte[tensor.ByteLength];
            file.ReadBytes(tensor, 0, read);
            Assert.Equal((spec.DType, bytes.LongLength), (tensor.DType, tensor.ByteLength));
            Assert.Equal(spec.Shape.ToArray(), tensor.Shape.ToArray());
            Assert.Equal(bytes, read);
        }
    }

    private static TensorInfo Find(TensorFile file, string name) => file.Tensors.Single(t => t.Name == name);

    private static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
}
