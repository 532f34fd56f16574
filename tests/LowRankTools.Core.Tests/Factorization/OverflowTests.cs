using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>A number that the stored type has no room for is an error that names file and tensor, and never an infinity in a file.</summary>
public sealed class OverflowTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private FactorizeOptions Options => new() { Rule = new RankRule.Fixed(2), OutputPath = _folder["out"] };

    private ModelSource Scaled(string name, float scale, int seed = 1)
    {
        (string, long[], float[] Values) tensor = TestModel.Random("a.weight", seed, 20, 30);
        return new(TestModel.Write(_folder[$"in/{name}.safetensors"], tensor with { Values = [.. tensor.Values.Select(v => v * scale)] }), name);
    }

    private static LowRankToolsException Refusal(ModelSource source, Action run)
    {
        LowRankToolsException error = Assert.ThrowsAny<LowRankToolsException>(run);
        Assert.Contains(source.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains("a.weight", error.Message, StringComparison.Ordinal);
        return error;
    }

    [Theory]
    [InlineData(FactorSplit.Left)]
    [InlineData(FactorSplit.Right)]
    [InlineData(FactorSplit.Balanced)]
    public void Factors_beyond_half_precision(FactorSplit split)
    {
        ModelSource model = Scaled("large", 1e12f);
        Assert.Equal(CoreErrors.ValuesOverflow, Refusal(model, () => new FactorizeModel(Options with { DType = TensorDType.F16, Split = split }).Run(model)).ErrorId);
        Assert.False(Directory.Exists(_folder["out"]));
        new FactorizeModel(Options with { DType = TensorDType.BF16, Split = split }).Run(model);
    }

    [Fact]
    public void Rows_of_a_pivoted_pair_beyond_half_precision()
    {
        ModelSource model = Scaled("large", 1e12f);
        FactorizeOptions options = Options with { Method = FactorMethod.Pivoted };
        Assert.Equal(CoreErrors.ValuesOverflow, Refusal(model, () => new FactorizeModel(options with { DType = TensorDType.F16 }).Run(model)).ErrorId);
        Assert.False(Directory.Exists(_folder["out"]));
        new FactorizeModel(options with { DType = TensorDType.BF16 }).Run(model);
    }

    [Fact]
    public void Factors_beyond_float32()
    {
        // Every entry is within float32, the first singular value is not.
        (string, long[], float[]) tensor = ("a.weight", [20, 30], Enumerable.Repeat(3e38f, 600).ToArray());
        ModelSource model = new(TestModel.Write(_folder["in/m.safetensors"], tensor), "m");
        Assert.Equal(CoreErrors.NonFiniteValues, Refusal(model, () => new FactorizeModel(Options with { Split = FactorSplit.Left }).Run(model)).ErrorId);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void A_merged_weight_beyond_half_precision()
    {
        ModelSource model = Scaled("middle", 1e6f);
        ModelSource factors = new(new FactorizeModel(Options with { DType = TensorDType.F16 }).Run(model).Path, "factors");
        Assert.Equal(CoreErrors.ValuesOverflow, Refusal(factors, () => new MergeModel(new MergeOptions { OutputPath = _folder["merged"], DType = TensorDType.F16 }).Run(factors)).ErrorId);
        Assert.False(Directory.Exists(_folder["merged"]));
        new MergeModel(new MergeOptions { OutputPath = _folder["merged"], DType = TensorDType.F32 }).Run(factors);
    }

    /// <summary>Around the last number that half and brain precision have, in the lanes of a vector and in what is left over.</summary>
    [Theory]
    [InlineData(TensorDType.F16, 65519f, true)]
    [InlineData(TensorDType.F16, -65520f, false)]
    [InlineData(TensorDType.BF16, 3.3895e38f, true)]
    [InlineData(TensorDType.BF16, -3.4e38f, false)]
    [InlineData(TensorDType.F16, float.NegativeInfinity, true)]
    [InlineData(TensorDType.F16, float.NaN, true)]
    [InlineData(TensorDType.F32, float.MaxValue, true)]
    public void What_fits_is_stored_and_what_does_not_is_refused(TensorDType dtype, float value, bool fits)
    {
        foreach (int length in Enumerable.Range(1, 40))
        {
            float[] values = new float[length];
            values[^1] = values[length / 2] = value;
            byte[] bytes = new byte[dtype.ByteLength(length)];
            if (!fits)
            {
                Assert.Equal(CoreErrors.ValuesOverflow, Assert.Throws<LowRankToolsException>(() => StoredType.Encode(dtype, values, bytes, "x")).ErrorId);
                continue;
            }
            StoredType.Encode(dtype, values, bytes, "x");
            float[] back = new float[length];
            TensorConversion.ToSingle(dtype, bytes, back, "x");
            Assert.Equal(float.IsFinite(value), float.IsFinite(back[^1]));
            if (!float.IsFinite(value))
                Assert.Equal(CoreErrors.NonFiniteValues, Assert.Throws<LowRankToolsException>(() => StoredType.EncodeComputed(dtype, values, bytes, "x")).ErrorId);
        }
    }

    [Fact]
    public void A_budget_that_cannot_be_kept_names_the_model()
    {
        ModelSource model = Scaled("m", 1);
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => new FactorizeModel(Options with { Rule = new RankRule.TargetReduction(1000) }).Run(model));
        Assert.Equal(CoreErrors.BudgetTooSmall, error.ErrorId);
        Assert.Contains(model.Path, error.Message, StringComparison.Ordinal);
        Assert.EndsWith(error.Remedy, error.Message, StringComparison.Ordinal);
        Assert.Equal(1, error.Message.Split(error.Remedy).Length - 1);
    }
}
