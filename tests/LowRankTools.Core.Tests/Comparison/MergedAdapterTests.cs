using LowRankTools.Core.Comparison;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Tests.Comparison;

/// <summary>A difference is called a merged adapter, and of which rank, from the two stored models alone.</summary>
public sealed class MergedAdapterTests : IDisposable
{
    private const int Rows = 96, Columns = 64;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // As wide as a real layer's weights, one row ten times as large: rounding is not the same everywhere.
    private static float[] Base()
    {
        float[] values = [.. TestModel.Random("w", 1, Rows, Columns).Values.Select(v => 0.1f * v)];
        for (int j = 0; j < Columns; j++)
            values[j] *= 10;
        return values;
    }

    private ModelSource Write(string name, float[] values, TensorDType dtype)
    {
        TensorSpec spec = new("fc.weight", dtype, [Rows, Columns]);
        byte[] bytes = new byte[spec.ByteLength];
        TensorConversion.FromSingle(dtype, values, bytes);
        Directory.CreateDirectory(_folder[name]);
        using SafetensorsModelWriter writer = new(_folder[$"{name}/m.safetensors"], [spec], new Dictionary<string, string>());
        writer.Begin(spec);
        writer.Write(bytes);
        return new ModelSource(writer.Complete()[0], "m");
    }

    private TensorDifference Compare(float[] delta, TensorDType dtype)
    {
        ModelSource before = Write("before", Base(), dtype);
        float[] stored = TestModel.Read(before.Path)["fc.weight"].Values;
        return Assert.Single(new CompareModels(withRank: true).Run(before, Write("after", [.. stored.Zip(delta, (w, d) => w + d)], dtype)));
    }

    private static float[] Delta(int rank, double largest) =>
        TestModel.WithSpectrum("d", 5, Rows, Columns, [.. Enumerable.Range(0, rank).Select(k => largest * (1 - 0.5 * k / Math.Max(1, rank - 1)))]).Values;

    [Theory]
    [InlineData(TensorDType.F32, 1)]
    [InlineData(TensorDType.F32, 4)]
    [InlineData(TensorDType.F32, 16)]
    [InlineData(TensorDType.F16, 1)]
    [InlineData(TensorDType.F16, 4)]
    [InlineData(TensorDType.F16, 16)]
    [InlineData(TensorDType.BF16, 1)]
    [InlineData(TensorDType.BF16, 4)]
    [InlineData(TensorDType.BF16, 16)]
    public void A_merged_adapter_has_its_rank_and_nearly_all_of_the_change(TensorDType dtype, int rank)
    {
        TensorDifference difference = Compare(Delta(rank, largest: 1), dtype);
        Assert.Equal(rank, difference.AdapterRank);
        Assert.Equal(rank, difference.DeltaRank);
        Assert.InRange(difference.DeltaEnergy!.Value, dtype == TensorDType.BF16 ? 0.95 : 0.999, 1 + 1e-12);
    }

    [Theory]
    [InlineData(TensorDType.F32)]
    [InlineData(TensorDType.F16)]
    [InlineData(TensorDType.BF16)]
    public void A_change_of_every_entry_is_no_adapter(TensorDType dtype)
    {
        float[] delta = [.. TestModel.Random("d", 6, Rows, Columns).Values.Select(v => 0.05f * v)];
        TensorDifference difference = Compare(delta, dtype);
        Assert.Null(difference.AdapterRank);
        Assert.False(difference.IsLowRank);
    }

    [Theory]
    [InlineData(TensorDType.F16)]
    [InlineData(TensorDType.BF16)]
    public void An_adapter_on_top_of_full_tuning_is_no_adapter_alone(TensorDType dtype)
    {
        // Entries of the second change stand well above the type's steps.
        float[] tuned = [.. TestModel.Random("d", 7, Rows, Columns).Values.Select(v => 0.02f * v)];
        Assert.Null(Compare([.. Delta(2, largest: 5).Zip(tuned, (a, b) => a + b)], dtype).AdapterRank);
    }

    [Theory]
    [InlineData(TensorDType.F16)]
    [InlineData(TensorDType.BF16)]
    public void Rounding_alone_has_no_rank(TensorDType dtype)
    {
        ModelSource exact = Write("exact", Base(), TensorDType.F32), rounded = Write("rounded", Base(), dtype);
        TensorDifference difference = Assert.Single(new CompareModels(withRank: true).Run(exact, rounded));
        Assert.Equal(DifferenceStatus.Changed, difference.Status);
        Assert.Equal(0, difference.DeltaRank);
        Assert.Null(difference.AdapterRank);
    }
}
