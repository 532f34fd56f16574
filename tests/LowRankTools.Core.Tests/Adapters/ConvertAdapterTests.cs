using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Layouts into one another, and LoHa and LoKr into pairs, against loops over the definitions of both products.</summary>
public sealed class ConvertAdapterTests : IDisposable
{
    private const int Out = 12, In = 18;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private AdapterResult Convert(ModelSource source, AdapterLayout layout, AdapterRank? rank = null, ModelSource? model = null, double? alpha = null) =>
        new ConvertAdapter(rank, new AdapterOutputOptions { OutputPath = _folder["out"], Layout = layout, Force = true }, alpha).Run(source, model);

    private ModelSource Write(params (string Name, long[] Shape, float[] Values)[] tensors) => new(TestModel.Write(_folder["a.safetensors"], tensors), "a");

    private static void Same(double[] expected, double[] actual, double tolerance) => Assert.InRange(TestAdapter.Distance(expected, actual) / TestAdapter.Norm(expected), 0, tolerance);

    [Theory]
    [InlineData(AdapterLayout.Peft)]
    [InlineData(AdapterLayout.Kohya)]
    public void What_a_module_adds_is_the_same_in_every_layout(AdapterLayout layout)
    {
        (float[] a, float[] b) = TestAdapter.Factors(3, Out, 4, In);
        (string, long[], float[])[] pair = [("fc.lora_A", [4, In], a), ("fc.lora_B", [Out, 4], b)];
        double[] expected = [.. TestModel.Multiply(b, a, Out, 4, In).Select(v => v * 10 / 4)];
        foreach ((ModelSource source, double? alpha) in new[]
        {
            (Write(pair), 10.0), (TestAdapter.Peft(_folder["p"], """{"r":4,"lora_alpha":10}""", TestAdapter.PeftModule("fc", 3, Out, 4, In)), (double?)null),
            (new ModelSource(TestModel.Write(_folder["k.safetensors"], TestAdapter.KohyaModule("fc", 3, Out, 4, In, 10)), "k"), null),
        })
        {
            AdapterResult result = Convert(source, layout, alpha: alpha);
            Assert.Equal((layout, 0.0, 4), (result.Layout, result.RelativeError, result.Modules[0].Rank));
            Same(expected, TestAdapter.Deltas(result.Path)["fc"], 1e-6);
        }
    }

    [Fact]
    public void Names_of_kohya_become_the_base_models()
    {
        ModelSource model = new(TestModel.Write(_folder["base.safetensors"], TestModel.Random("block.0.fc.weight", 1, Out, In)), "base");
        AdapterResult result = Convert(Write(TestAdapter.KohyaModule("lora_unet_block_0_fc", 3, Out, 4, In, 2)), AdapterLayout.Peft, model: model);
        Assert.Equal("block.0.fc", Assert.Single(result.Modules).Name);
        ModelSource other = new(TestModel.Write(_folder["other.safetensors"], TestModel.Random("block.0.fc.weight", 1, Out, In + 1)), "other");
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Error(() => Convert(Write(TestAdapter.KohyaModule("lora_unet_block_0_fc", 3, Out, 4, In, 2)), AdapterLayout.Peft, model: other)));
    }

    private static (string, long[], float[])[] LoHa(int rank, int seed, string prefix = "fc")
    {
        (float[] a1, float[] b1) = TestAdapter.Factors(seed, Out, rank, In);
        (float[] a2, float[] b2) = TestAdapter.Factors(seed + 9, Out, rank, In);
        return [($"{prefix}.hada_w1_a", [Out, rank], b1), ($"{prefix}.hada_w1_b", [rank, In], a1), ($"{prefix}.hada_w2_a", [Out, rank], b2), ($"{prefix}.hada_w2_b", [rank, In], a2)];
    }

    private static double[] Hadamard((string, long[] Shape, float[] Values)[] t, int rank, double scale) =>
        [.. TestModel.Multiply(t[0].Values, t[1].Values, Out, rank, In).Zip(TestModel.Multiply(t[2].Values, t[3].Values, Out, rank, In), (x, y) => scale * x * y)];

    [Theory]
    [InlineData(2)] // r^2 = 4 components, below the smaller side
    [InlineData(5)] // 25, above it
    public void LoHa_with_all_components_is_its_elementwise_product(int rank)
    {
        (string, long[], float[])[] factors = LoHa(rank, 4);
        double[] expected = Hadamard(factors, rank, 3.0 / rank);
        AdapterResult result = Convert(Write([.. factors, ("fc.alpha", [], [3f])]), AdapterLayout.Kohya, new AdapterRank.Fixed(Math.Min(rank * rank, Out)));
        Same(expected, TestAdapter.Deltas(result.Path)["fc"], 1e-5);
        Assert.InRange(result.RelativeError, 0, 1e-6);
    }

    [Fact]
    public void What_truncation_leaves_out_is_told_and_no_pair_does_better()
    {
        (string, long[], float[])[] factors = LoHa(3, 4);
        double[] expected = Hadamard(factors, 3, 1);
        AdapterResult result = Convert(Write(factors), AdapterLayout.Kohya, new AdapterRank.Fixed(2));
        double error = TestAdapter.Distance(expected, TestAdapter.Deltas(result.Path)["fc"]);
        Assert.Equal(error / TestAdapter.Norm(expected), result.RelativeError, 5);
        // Eckart and Young: the tail of the singular values of the dense product.
        using Matrix<float> dense = Matrix<float>.From(Out, In, [.. expected.Select(v => (float)v)]);
        using TruncatedSvdResult svd = MatrixSvd.Compute(dense.View, new RankTarget.Rank(2), new SvdOptions { Accuracy = SvdAccuracy.Exact });
        Assert.Equal(svd.RelativeError, result.RelativeError, 4);
    }

    [Fact]
    public void LoHa_of_PEFT_takes_its_scale_from_the_configuration_and_a_kernel_from_the_base()
    {
        (string, long[], float[])[] factors = LoHa(2, 6, "base_model.model.conv");
        ModelSource adapter = TestAdapter.Peft(_folder["p"], """{"peft_type":"LOHA","r":2,"alpha":5}""", factors);
        ModelSource model = new(TestModel.Write(_folder["base.safetensors"], TestModel.Random("conv.weight", 1, Out, 2, 3, 3)), "base");
        AdapterResult result = Convert(adapter, AdapterLayout.Peft, new AdapterRank.Fixed(4), model);
        Assert.Equal([4L, 2, 3, 3], TestModel.Read(result.Path)["base_model.model.conv.lora_A.weight"].Shape);
        Same(Hadamard(factors, 2, 5.0 / 2), TestAdapter.Deltas(result.Path)["conv"], 1e-5);
    }

    [Theory]
    [InlineData(false, 1.0)]
    [InlineData(true, 0.5)]
    public void LoKr_is_its_Kronecker_product(bool factored, double scale)
    {
        // W1 is 3 x 2, W2 4 x 9, whole or of rank 2 with alpha 1.
        float[] w1 = TestModel.Random("w", 1, 3, 2).Values, b = TestModel.Random("b", 2, 4, 2).Values, a = TestModel.Random("a", 3, 2, 9).Values;
        float[] w2 = factored ? [.. TestModel.Multiply(b, a, 4, 2, 9).Select(v => (float)v)] : TestModel.Random("v", 4, 4, 9).Values;
        double[] expected = new double[Out * In];
        for (int i = 0; i < Out; i++)
        {
            for (int j = 0; j < In; j++)
                expected[i * In + j] = scale * w1[i / 4 * 2 + j / 9] * w2[i % 4 * 9 + j % 9];
        }
        (string, long[], float[])[] second = factored ? [("fc.lokr_w2_a", [4, 2], b), ("fc.lokr_w2_b", [2, 9], a)] : [("fc.lokr_w2", [4, 9], w2)];
        ModelSource source = Write([("fc.lokr_w1", [3, 2], w1), .. second, ("fc.alpha", [], [1f])]);
        AdapterResult whole = Convert(source, AdapterLayout.Kohya, new AdapterRank.Fixed(8)), part = Convert(source, AdapterLayout.Peft, new AdapterRank.Fixed(2));
        Same(expected, TestAdapter.Deltas(whole.Path)["fc"], 1e-5);
        double error = TestAdapter.Distance(expected, TestAdapter.Deltas(part.Path)["fc"]) / TestAdapter.Norm(expected);
        Assert.Equal(error, part.RelativeError, 5);
        Assert.InRange(error, 0.01, 0.99);
    }

    [Fact]
    public void What_cannot_be_converted_is_refused_by_name()
    {
        AdapterRank two = new AdapterRank.Fixed(2);
        (string Name, long[], float[])[] factors = LoHa(2, 4);
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(Write(factors), AdapterLayout.Peft)));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Convert(Write(factors[..3]), AdapterLayout.Peft, two)));
        Assert.Equal(CoreErrors.AdapterUnsupported, Error(() => Convert(Write([.. factors, ("fc.hada_t1", [2, 2, 3, 3], new float[36])]), AdapterLayout.Peft, two)));
        Assert.Equal(CoreErrors.AdapterPartNotCarried, Error(() => Convert(Write([.. factors, ("fc.bias", [Out], new float[Out])]), AdapterLayout.Peft, two)));
        factors[0].Item3[1] = float.NaN;
        Assert.Equal(CoreErrors.NonFiniteValues, Error(() => Convert(Write(factors), AdapterLayout.Peft, two)));
        // Versions of PEFT differ in whether LoKr is scaled.
        ModelSource peft = TestAdapter.Peft(_folder["p"], """{"peft_type":"LOKR","r":2,"alpha":5}""", ("base_model.model.fc.lokr_w1", [3, 2], new float[6]), ("base_model.model.fc.lokr_w2", [4, 9], new float[36]));
        Assert.Equal(CoreErrors.AdapterScalingUnknown, Error(() => Convert(peft, AdapterLayout.Peft, two)));
        Assert.False(Directory.Exists(_folder["out"]));
    }

    private static string Error(Action action) => Assert.ThrowsAny<LowRankToolsException>(action).ErrorId;
}
