using System.Security.Cryptography;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>What PyTorch writes, read here: names, types, shapes and every bit as PyTorch itself sees them.</summary>
public sealed class TorchPeerTests(TorchFixture fixture) : IClassFixture<TorchFixture>
{
    public static TheoryData<string> Files =>
        new(TorchFixture.Zipped.Concat(TorchFixture.Zipped.Select(n => "legacy_" + n)).Concat(TorchFixture.Scripted.Where(n => n != "frozen")));

    [PythonTheory("torch")]
    [MemberData(nameof(Files))]
    public void Every_tensor_agrees(string name)
    {
        TorchFixture.Expected[] expected = fixture[name];
        using TensorFile file = TensorFiles.Open(fixture.PathOf(name));
        Assert.Equal(expected.Select(e => e.Name), file.Tensors.Select(t => t.Name));
        foreach ((TorchFixture.Expected e, TensorInfo t) in expected.Zip(file.Tensors))
        {
            Assert.Equal(e.Shape, t.Shape);
            Assert.Equal(DType(e.DType), t.DType);
            Assert.Equal(e.Sha256, Convert.ToHexStringLower(SHA256.HashData(Bytes(file, t))));
            if (e.Trainable is not null)
                Assert.Equal(e.Trainable, t.Trainable);
        }
    }

    [PythonFact("torch")]
    public void Tied_and_sliced_tensors_show_what_they_share()
    {
        _ = fixture["tied"];
        using TensorFile tied = TensorFiles.Open(fixture.PathOf("tied"));
        Assert.Equal(tied.Tensors[0].Storage, tied.Tensors[1].Storage);
        using TensorFile views = TensorFiles.Open(fixture.PathOf("views"));
        StorageSpan whole = views.Tensors.Single(t => t.Name == "whole").Storage!.Value;
        StorageSpan rows = views.Tensors.Single(t => t.Name == "rows").Storage!.Value;
        Assert.Equal(new StorageSpan(whole.Key, 0, 64 * 96), whole);
        Assert.Equal(new StorageSpan(whole.Key, 10 * 96, 20 * 96), rows);
        Assert.NotEqual(whole.Key, views.Tensors.Single(t => t.Name == "permuted").Storage!.Value.Key);
    }

    /// <summary>Freezing turns weights into constants: their names are gone, their values and shapes are not.</summary>
    [PythonFact("torch")]
    public void A_frozen_module_shows_its_constants()
    {
        HashSet<string> weights = fixture["frozen"].Select(e => e.Sha256).ToHashSet();
        using TensorFile file = TensorFiles.Open(fixture.PathOf("frozen"));
        Assert.All(file.Tensors, t => Assert.StartsWith("CONSTANTS.c", t.Name, StringComparison.Ordinal));
        Assert.Superset(weights, file.Tensors.Select(t => Convert.ToHexStringLower(SHA256.HashData(Bytes(file, t)))).ToHashSet());
    }

    [PythonFact("torch")]
    public void Buffers_of_modules_are_told_from_parameters()
    {
        _ = fixture["module"];
        using TensorFile file = TensorFiles.Open(fixture.PathOf("module"));
        Assert.Equal(TensorRole.Buffer, file.Tensors.Single(t => t.Name == "1.running_mean").Role);
        Assert.Equal(TensorRole.Buffer, file.Tensors.Single(t => t.Name == "scale").Role);
        Assert.Equal(TensorRole.Unknown, file.Tensors.Single(t => t.Name == "0.weight").Role);
    }

    [PythonFact("torch")]
    public void What_has_no_plain_values_is_listed_and_not_read()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-torch-odd-").FullName;
        try
        {
            PythonPeer.Run(
                """
                import sys, torch
                a = torch.randn(3, 4)
                odd = {'tensor': torch.quantize_per_tensor(a, .1, 2, torch.qint8), 'channel': torch.quantize_per_channel(a, torch.ones(3), torch.zeros(3), 0, torch.qint8),
                       'sparse': a.to_sparse(), 'csr': a.to_sparse_csr(), 'meta': a.to('meta')}
                for k, v in odd.items(): torch.save({k: v}, f'{sys.argv[1]}/{k}.pt')
                """, folder);
            string[] files = Directory.GetFiles(folder);
            Assert.Equal(5, files.Length);
            foreach (string path in files)
            {
                using TensorFile file = TensorFiles.Open(path);
                TensorInfo tensor = Assert.Single(file.Tensors);
                Assert.Equal((long[])[3, 4], tensor.Shape);
                ModelFormatException e = Assert.Throws<ModelFormatException>(() => file.ReadBytes(tensor, 0, new byte[4]));
                Assert.Equal(FormatErrors.ValuesUnsupported, e.ErrorId);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [PythonTheory("torch")]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Every_binary_protocol_reads_alike(int protocol)
    {
        string path = Path.GetTempFileName();
        try
        {
            PythonPeer.Run("import sys, torch; torch.save({'a': {'b': torch.arange(6.).reshape(2, 3).t()}, 'n': [1, 2**70, -5, 1.5, None, b'x', {3}]}, sys.argv[1], pickle_protocol=int(sys.argv[2]))",
                path, protocol.ToString(System.Globalization.CultureInfo.InvariantCulture));
            using TensorFile file = TensorFiles.Open(path);
            TensorInfo tensor = Assert.Single(file.Tensors);
            Assert.Equal("a.b", tensor.Name);
            float[] values = new float[6];
            file.ReadSingles(tensor, 0, values);
            Assert.Equal([0, 3, 1, 4, 2, 5], values);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Bytes(TensorFile file, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        file.ReadBytes(tensor, 0, bytes);
        return bytes;
    }

    private static TensorDType DType(string name) => name switch
    {
        "torch.float32" => TensorDType.F32,
        "torch.float64" => TensorDType.F64,
        "torch.float16" => TensorDType.F16,
        "torch.bfloat16" => TensorDType.BF16,
        "torch.int64" => TensorDType.I64,
        "torch.int32" => TensorDType.I32,
        "torch.int16" => TensorDType.I16,
        "torch.int8" => TensorDType.I8,
        "torch.uint8" => TensorDType.U8,
        "torch.bool" => TensorDType.BOOL,
        "torch.complex64" => TensorDType.C64,
        "torch.complex128" => TensorDType.C128,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };
}
