using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Tensors.Tests;

/// <summary>What System.Numerics.Tensors sees is what the file holds, at every index.</summary>
public sealed class TensorReadingTests : IDisposable
{
    private const int Rows = 5, Columns = 7, Depth = 3;

    private static readonly float[] s_values = [.. Enumerable.Range(0, Rows * Columns * Depth).Select(i => i * 0.5f - 20)];

    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-tensors-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private TensorFile Open()
    {
        string path = Path.Combine(_folder, "m.safetensors");
        Half[] halves = [.. s_values.Select(v => (Half)v)];
        (TensorSpec Spec, byte[] Bytes)[] tensors =
        [
            (new TensorSpec("single", TensorDType.F32, [Rows, Columns, Depth]), MemoryMarshal.AsBytes<float>(s_values).ToArray()),
            (new TensorSpec("half", TensorDType.F16, [Rows, Columns * Depth]), MemoryMarshal.AsBytes<Half>(halves).ToArray()),
            (new TensorSpec("numbers", TensorDType.I64, [2]), MemoryMarshal.AsBytes<long>(new long[] { -1, 1L << 40 }).ToArray()),
            (new TensorSpec("scalar", TensorDType.F32, []), BitConverter.GetBytes(2.5f)),
            (new TensorSpec("none", TensorDType.F32, [0, 4]), []),
        ];
        using (SafetensorsModelWriter writer = new(path, tensors.Select(t => t.Spec), new Dictionary<string, string>()))
        {
            foreach ((TensorSpec spec, byte[] bytes) in tensors)
            {
                writer.Begin(spec);
                writer.Write(bytes);
            }
            writer.Complete();
        }
        return TensorFiles.Open(path);
    }

    [Theory]
    [InlineData("single", new[] { Rows, Columns, Depth }), InlineData("half", new[] { Rows, Columns * Depth })]
    public void Every_number_stands_where_the_file_has_it(string name, int[] shape)
    {
        using TensorFile file = Open();
        Tensor<float> tensor = file.ReadTensor(name);
        Assert.Equal(shape.Select(s => (nint)s), tensor.Lengths.ToArray());
        int at = 0;
        foreach (float value in tensor)
            Assert.Equal(s_values[at++], value);
        Assert.Equal(s_values.Length, at);
        Assert.Equal(s_values[(3 * Columns + 4) * Depth + 2], name == "single" ? tensor[3, 4, 2] : tensor[3, 4 * Depth + 2]);
    }

    [Fact]
    public void Stored_types_come_without_conversion_and_no_others()
    {
        using TensorFile file = Open();
        Assert.Equal((Half)s_values[9], file.ReadStored<Half>("half")[0, 9]);
        Assert.Equal(1L << 40, file.ReadStored<long>("numbers")[1]);
        Assert.Throws<ArgumentException>(() => file.ReadStored<float>("half"));
        Assert.Throws<ArgumentException>(() => file.ReadStored<ulong>("numbers"));
        Assert.Throws<ArgumentException>(() => file.ReadStored<Guid>("single"));
    }

    [Theory]
    [InlineData(0, Rows), InlineData(2, 2), InlineData(Rows, 0), InlineData(4, 1)]
    public void Rows_are_read_into_memory_of_the_caller(int first, int count)
    {
        using TensorFile file = Open();
        float[] memory = new float[Rows * Columns * Depth];
        file.ReadRows("single", first, new TensorSpan<float>(memory, [count, Columns, Depth]));
        Assert.Equal(s_values.Skip(first * Columns * Depth).Take(count * Columns * Depth), memory.Take(count * Columns * Depth));
        Assert.All(memory.Skip(count * Columns * Depth), v => Assert.Equal(0, v));
    }

    [Fact]
    public void Rows_that_are_not_there_and_other_shapes_are_refused()
    {
        using TensorFile file = Open();
        float[] memory = new float[1000];
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadRows("single", Rows - 1, new TensorSpan<float>(memory, [2, Columns, Depth])));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadRows("single", -1, new TensorSpan<float>(memory, [1, Columns, Depth])));
        Assert.Throws<ArgumentException>(() => file.ReadRows("single", 0, new TensorSpan<float>(memory, [1, Depth, Columns])));
        Assert.Throws<ArgumentException>(() => file.ReadRows("single", 0, new TensorSpan<float>(memory, [1, Columns * Depth])));
        Assert.Throws<ArgumentException>(() => file.ReadRows("half", 0, new TensorSpan<float>(memory, [2, Columns * Depth], [40, 1])));
        Assert.Throws<KeyNotFoundException>(() => file.ReadTensor("absent"));
    }

    [Fact]
    public void Scalars_are_one_number_and_empty_tensors_none()
    {
        using TensorFile file = Open();
        Assert.Equal(2.5f, Assert.Single(file.ReadTensor("scalar")));
        Assert.Equal(0, file.ReadTensor("none").FlattenedLength);
    }

    [Fact]
    public void Mathematics_of_the_package_works_on_what_is_read()
    {
        using TensorFile file = Open();
        ReadOnlyTensorSpan<float> span = file.ReadTensor("single").AsReadOnlyTensorSpan();
        Assert.Equal(s_values.Sum(v => (double)v * v), Tensor.Dot(span, span), 1e-2);
    }

    [Fact]
    public void Quantised_blocks_come_as_numbers()
    {
        // One block of Q8_0: a scale of one half, then 32 signed bytes.
        byte[] block = [.. BitConverter.GetBytes((Half)0.5), .. Enumerable.Range(0, 32).Select(i => (byte)(sbyte)(i - 16))];
        string path = Path.Combine(_folder, "m.gguf");
        File.WriteAllBytes(path, new GgufBuilder().KeyValue("general.architecture", "x").Tensor("w", [32, 1], 8, block).Build());
        using TensorFile file = TensorFiles.Open(path);
        Tensor<float> tensor = file.ReadTensor("w");
        for (int i = 0; i < 32; i++)
            Assert.Equal((i - 16) * 0.5f, tensor[0, i]);
    }
}
