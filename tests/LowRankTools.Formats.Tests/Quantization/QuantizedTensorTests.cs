using System.Buffers.Binary;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.Quantization;

public sealed class QuantizedTensorTests : IDisposable
{
    private const int Rows = 6, Columns = 64;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"quantized-{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(_path);

    public static TheoryData<WeightQuantization> Kinds => [.. Enum.GetValues<WeightQuantization>()];

    private static byte[] Bytes(TensorSpec spec, int seed)
    {
        byte[] bytes = new byte[spec.ByteLength];
        if (spec.DType == TensorDType.I64)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, Rows);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), Columns);
        }
        else if (spec.DType is TensorDType.F16 or TensorDType.F32)
        {
            float[] values = [.. Enumerable.Range(1, (int)(spec.ByteLength / spec.DType.BlockBytes())).Select(i => 0.25f * i)];
            TensorConversion.FromSingle(spec.DType, values, bytes);
        }
        else
        {
            new Random(seed).NextBytes(bytes);
        }
        return bytes;
    }

    private void Write(params TensorSpec[] specs)
    {
        using SafetensorsModelWriter writer = new(_path, specs, new Dictionary<string, string>());
        for (int i = 0; i < specs.Length; i++)
        {
            writer.Begin(specs[i]);
            writer.Write(Bytes(specs[i], i));
        }
        writer.Complete();
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_group_is_one_tensor_whose_pieces_are_those_of_the_whole(WeightQuantization kind)
    {
        TensorSpec[] specs = [.. QuantizedLayout.Tensors(kind, new TensorSpec("a.weight", TensorDType.F32, [Rows, Columns])), new TensorSpec("b", TensorDType.I8, [2, 2])];
        Write(specs);
        using TensorFile file = TensorFiles.Open(_path);
        TensorInfo weight = file.Tensors.Single(t => t.Name == "a.weight");
        Assert.Equal(["a.weight", "b"], file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
        Assert.Equal<long>([Rows, Columns], weight.Shape);
        Assert.Equal(specs.SkipLast(1).Sum(s => s.ByteLength), weight.StoredBytes);
        float[] whole = new float[Rows * Columns];
        file.ReadSingles(weight, 0, whole);
        byte[] levels = Bytes(specs[0], 0);
        for (int i = 0; i < whole.Length; i++)
        {
            int level = kind == WeightQuantization.Q4_0 ? (levels[i / 2] >> (4 * (i % 2)) & 15) - 8 : (sbyte)levels[i];
            int run = kind == WeightQuantization.Int8 ? Columns : 32;
            Assert.Equal(level * 0.25f * (i / run + 1), whole[i]);
        }
        byte[] bytes = new byte[whole.Length * 4], piece = new byte[37];
        file.ReadBytes(weight, 0, bytes);
        for (int offset = 0; offset + piece.Length <= bytes.Length; offset += 11)
        {
            file.ReadBytes(weight, offset, piece);
            Assert.Equal(bytes[offset..(offset + piece.Length)], piece);
        }
    }

    [Theory]
    [InlineData("other rows")]
    [InlineData("no divisor")]
    [InlineData("whole numbers")]
    [InlineData("one axis")]
    [InlineData("zero points")]
    public void What_does_not_fit_wholly_stays_as_it_is(string fault)
    {
        TensorSpec weight = new("a.weight", TensorDType.I8, [Rows, Columns]);
        TensorSpec scale = new("a.weight_scale", TensorDType.F32, [Rows, 1]);
        TensorSpec[] specs = fault switch
        {
            "other rows" => [weight, scale with { Shape = [Rows + 1, 1] }],
            "no divisor" => [weight, scale with { Shape = [Rows, 3] }],
            "whole numbers" => [weight, scale with { DType = TensorDType.I32 }],
            "one axis" => [weight, scale with { Shape = [Rows] }],
            _ => [weight, scale, new TensorSpec("a.weight_zero_point", TensorDType.I8, [Rows, 1])],
        };
        Write(specs);
        using TensorFile file = TensorFiles.Open(_path);
        Assert.Equal(specs.Select(s => s.Name).Order(StringComparer.Ordinal), file.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
        Assert.Equal(TensorDType.I8, file.Tensors.Single(t => t.Name == "a.weight").DType);
    }

    [Fact]
    public void Scales_in_another_shard_are_found()
    {
        TensorSpec[] specs = [.. QuantizedLayout.Tensors(WeightQuantization.Int8, new TensorSpec("a.weight", TensorDType.F32, [Rows, Columns]))];
        string folder = Directory.CreateTempSubdirectory("quantized").FullName;
        try
        {
            using SafetensorsModelWriter writer = new(Path.Combine(folder, "model.safetensors"), specs, new Dictionary<string, string>(), Rows * Columns);
            foreach (TensorSpec spec in specs)
            {
                writer.Begin(spec);
                writer.Write(Bytes(spec, 1));
            }
            using TensorFile file = TensorFiles.Open(writer.Complete()[0]);
            Assert.True(file.Files.Count > 2);
            Assert.Equal("a.weight", Assert.Single(file.Tensors).Name);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
