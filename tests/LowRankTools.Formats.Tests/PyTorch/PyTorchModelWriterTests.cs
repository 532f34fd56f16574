using System.IO.Compression;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.PyTorch;

public sealed class PyTorchModelWriterTests : IDisposable
{
    private static readonly Dictionary<string, string> s_none = [];

    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-torch-write-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string PathOf(string name) => Path.Combine(_folder, name);

    private static byte[] Random(long length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Every type that PyTorch has, with shapes that include scalars and empty tensors.</summary>
    private static (TensorSpec Spec, byte[] Bytes)[] Everything(bool withNewTypes)
    {
        TensorDType[] old =
        [
            TensorDType.F32, TensorDType.F64, TensorDType.F16, TensorDType.BF16, TensorDType.I64, TensorDType.I32, TensorDType.I16,
            TensorDType.I8, TensorDType.U8, TensorDType.C64, TensorDType.C128,
        ];
        TensorDType[] young =
        [
            TensorDType.U16, TensorDType.U32, TensorDType.U64, TensorDType.F8_E5M2, TensorDType.F8_E4M3,
            TensorDType.F8_E5M2FNUZ, TensorDType.F8_E4M3FNUZ, TensorDType.F8_E8M0,
        ];
        TensorSpec[] specs =
        [
            .. (withNewTypes ? [.. old, .. young] : old).Select(d => new TensorSpec($"layer.{d}.weight", d, [3, 5])),
            new("scalar", TensorDType.F32, []), new("empty", TensorDType.F32, [0, 4]), new("größe.层", TensorDType.F16, [2, 1, 3]),
            new("large", TensorDType.F32, [300, 1000]),
        ];
        return [.. specs.Select((s, i) => (s, Random(s.ByteLength, i))), (new("flags", TensorDType.BOOL, [4]), [0, 1, 1, 0])];
    }

    private string Write(string name, (TensorSpec Spec, byte[] Bytes)[] tensors, IReadOnlyDictionary<string, string> metadata, int piece = 10_000)
    {
        using PyTorchModelWriter writer = new(PathOf(name), metadata);
        foreach ((TensorSpec spec, byte[] bytes) in tensors)
        {
            writer.Begin(spec);
            foreach (byte[] part in bytes.Chunk(piece))
                writer.Write(part);
        }
        return Assert.Single(writer.Complete());
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        (TensorSpec Spec, byte[] Bytes)[] tensors = Everything(withNewTypes: true);
        Dictionary<string, string> metadata = new() { ["method"] = "svd", ["größe"] = "\"64\"\n" };
        using TensorFile file = TensorFiles.Open(Write("m.pt", tensors, metadata));
        Assert.Equal(metadata, file.Metadata);
        Assert.Equal(tensors.Select(t => t.Spec.Name), file.Tensors.Select(t => t.Name));
        foreach (((TensorSpec spec, byte[] bytes), TensorInfo info) in tensors.Zip(file.Tensors))
        {
            byte[] read = new byte[info.ByteLength];
            file.ReadBytes(info, 0, read);
            Assert.Equal(spec.DType, info.DType);
            Assert.Equal(spec.Shape.AsEnumerable(), info.Shape.AsEnumerable());
            Assert.Equal(bytes, read);
            Assert.True(info.Source is not FileRegion region || region.Start % 64 == 0);
        }
    }

    [Fact]
    public void Equal_tensors_make_equal_bytes_however_they_come()
    {
        (TensorSpec Spec, byte[] Bytes)[] tensors = Everything(withNewTypes: true);
        string a = Write("a.pt", tensors, new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" });
        string b = Write("other name.bin", tensors, new Dictionary<string, string> { ["y"] = "2", ["x"] = "1" }, piece: 777);
        Assert.Equal(File.ReadAllBytes(a), File.ReadAllBytes(b));
    }

    [Fact]
    public void Metadata_may_be_known_only_at_the_end()
    {
        using (PyTorchModelWriter writer = new(PathOf("m.pt"), new Dictionary<string, string> { ["error"] = "?" }))
        {
            writer.Begin(new TensorSpec("w", TensorDType.U8, [1]));
            writer.Write([7]);
            writer.Complete(new Dictionary<string, string> { ["error"] = "0.25" });
        }
        using TensorFile file = TensorFiles.Open(PathOf("m.pt"));
        Assert.Equal("0.25", file.Metadata["error"]);
    }

    /// <summary>The base library's zip reader checks every checksum and length on its own.</summary>
    [Fact]
    public void The_archive_is_a_zip_file_to_others()
    {
        (TensorSpec Spec, byte[] Bytes)[] tensors = Everything(withNewTypes: false);
        using ZipArchive zip = ZipFile.OpenRead(Write("m.pt", tensors, s_none));
        Assert.Equal(tensors.Length + 3, zip.Entries.Count);
        for (int i = 0; i < tensors.Length; i++)
        {
            using MemoryStream bytes = new();
            using (Stream stream = zip.GetEntry($"archive/data/{i}")!.Open())
                stream.CopyTo(bytes);
            Assert.Equal(tensors[i].Bytes, bytes.ToArray());
        }
    }

    [Fact]
    public void Tied_tensors_share_one_storage()
    {
        byte[] bytes = Random(24, 1);
        using (PyTorchModelWriter writer = new(PathOf("m.pt"), s_none))
        {
            writer.Begin(new TensorSpec("embed", TensorDType.F32, [2, 3]));
            writer.Write(bytes);
            writer.WriteAlias(new TensorSpec("head", TensorDType.F32, [3, 2]), "embed");
            writer.Complete();
        }
        using TensorFile file = TensorFiles.Open(PathOf("m.pt"));
        Assert.Equal(file.Tensors[0].Storage, file.Tensors[1].Storage);
        byte[] read = new byte[24];
        file.ReadBytes(file.Tensors[1], 0, read);
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void Misuse_is_an_exception_and_leaves_no_file()
    {
        using (PyTorchModelWriter writer = new(PathOf("m.pt"), s_none))
        {
            TensorSpec spec = new("w", TensorDType.U8, [2]);
            Assert.Equal(FormatErrors.DTypeUnsupported, Assert.Throws<ModelFormatException>(() => writer.Begin(new TensorSpec("q", TensorDType.Q4_0, [32]))).ErrorId);
            Assert.Throws<InvalidOperationException>(() => writer.WriteAlias(spec, "nothing"));
            writer.Begin(spec);
            Assert.Throws<InvalidOperationException>(() => writer.Write([1, 2, 3]));
            writer.Write([1]);
            Assert.Throws<InvalidOperationException>(() => writer.Begin(new TensorSpec("next", TensorDType.U8, [1])));
            Assert.Throws<InvalidOperationException>(() => writer.WriteAlias(new TensorSpec("tied", TensorDType.U8, [2]), "w"));
            Assert.Throws<InvalidOperationException>(() => writer.Complete());
            writer.Write([2]);
            Assert.Throws<InvalidOperationException>(() => writer.Begin(spec));
            Assert.Throws<InvalidOperationException>(() => writer.WriteAlias(new TensorSpec("tied", TensorDType.U8, [3]), "w"));
            Assert.Throws<InvalidOperationException>(() => writer.WriteAlias(new TensorSpec("tied", TensorDType.I8, [2]), "w"));
        }
        Assert.Empty(Directory.GetFiles(_folder));
    }

    /// <summary>Both loaders of PyTorch see the same names, types, shapes and bits; tied tensors stay tied.</summary>
    [PythonFact("torch")]
    public void PyTorch_loads_it_bit_for_bit()
    {
        (TensorSpec Spec, byte[] Bytes)[] tensors = Everything(withNewTypes: false);
        using (PyTorchModelWriter writer = new(PathOf("m.pt"), new Dictionary<string, string> { ["method"] = "svd" }))
        {
            foreach ((TensorSpec spec, byte[] bytes) in tensors)
            {
                writer.Begin(spec);
                writer.Write(bytes);
            }
            writer.WriteAlias(new TensorSpec("tied", TensorDType.F32, [1000, 300]), "large");
            writer.Complete();
        }
        string printed = PythonPeer.Run(
            """
            import sys, torch, ctypes, zlib
            for weights_only in (False, True):
                d = torch.load(sys.argv[1], weights_only=weights_only)
                assert type(d).__name__ == 'OrderedDict'
                assert d['tied'].data_ptr() == d['large'].data_ptr() and d['tied'].shape == (1000, 300)
                for k, t in d.items():
                    if k == 'tied': continue
                    assert t.is_contiguous()
                    raw = ctypes.string_at(t.data_ptr(), t.numel() * t.element_size()) if t.numel() else b''
                    print(k.encode('utf-8').hex(), str(t.dtype)[6:], 'x'.join(map(str, t.shape)), raw.hex() if len(raw) < 1000 else zlib.crc32(raw))
            torch.nn.Embedding.from_pretrained(d['large'])
            torch.save(d, sys.argv[1] + '.again')
            """, PathOf("m.pt"));
        string[] lines = printed.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2 * tensors.Length, lines.Length);
        Assert.Equal(lines[..tensors.Length], lines[tensors.Length..]);
        foreach (((TensorSpec spec, byte[] bytes), string line) in tensors.Zip(lines))
        {
            Assert.StartsWith(Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(spec.Name)) + " ", line, StringComparison.Ordinal);
            Assert.Contains($" {string.Join('x', spec.Shape)} ", line, StringComparison.Ordinal);
            if (bytes.Length < 1000)
                Assert.EndsWith(" " + Convert.ToHexStringLower(bytes), line, StringComparison.Ordinal);
        }
        using TensorFile again = TensorFiles.Open(PathOf("m.pt") + ".again");
        foreach (((TensorSpec spec, byte[] bytes), TensorInfo info) in tensors.Zip(again.Tensors))
        {
            byte[] read = new byte[info.ByteLength];
            again.ReadBytes(info, 0, read);
            Assert.Equal((spec.Name, spec.DType), (info.Name, info.DType));
            Assert.Equal(bytes, read);
        }
    }
}
