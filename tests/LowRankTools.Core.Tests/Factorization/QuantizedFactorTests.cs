using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Factorization;

public sealed class QuantizedFactorTests : IDisposable
{
    private const int Rank = 32;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly double[] s_spectrum = [.. Enumerable.Range(0, 64).Select(k => 4 * Math.Pow(0.9, k))];

    private static readonly (string Name, long[] Shape, float[] Values) s_weight = TestModel.WithSpectrum("fc.weight", 1, 160, 96, s_spectrum);

    private static readonly (string Name, long[] Shape, float[] Values) s_head = TestModel.Random("head.weight", 2, 24, 64);

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"], s_weight, s_head, TestModel.Random("norm.weight", 3, 64)), "m");

    private FactorizeOptions Options(WeightQuantization kind) => new()
    {
        Rule = new RankRule.Fixed(Rank), OutputPath = _folder["out"], Quantize = kind, Selection = new LayerSelection { Include = [n => n.StartsWith("fc", StringComparison.Ordinal)] }, Force = true,
    };

    public static TheoryData<WeightQuantization> Kinds => [.. Enum.GetValues<WeightQuantization>()];

    [Theory, MemberData(nameof(Kinds))]
    public void Errors_are_those_of_the_file_and_told_apart(WeightQuantization kind)
    {
        FactorizationResult result = new FactorizeModel(Options(kind)).Run(Model());
        LayerFactorization layer = result.Layers.Single(l => l.Name == "fc.weight");
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        double actual = TestModel.RelativeError(s_weight.Values, TestModel.Multiply(written["fc.1.weight"].Values, written["fc.0.weight"].Values, 160, Rank, 96));
        Assert.InRange(layer.RelativeError!.Value, actual * (1 - 1e-4), actual * (1 + 1e-4));

        double optimum = Math.Sqrt(s_spectrum.Skip(Rank).Sum(s => s * s) / s_spectrum.Sum(s => s * s));
        Assert.InRange(layer.TruncationError!.Value, optimum * (1 - 1e-5), optimum * 1.002);
        // W' lies in the span of the leading singular vectors, from which the truncated rest stands off at right angles; the product of rounded factors nearly so.
        Assert.InRange(layer.RelativeError.Value, Math.Abs(layer.TruncationError.Value - layer.QuantizationError!.Value), layer.TruncationError.Value + layer.QuantizationError.Value);
        Assert.InRange(layer.QuantizationError.Value, 1e-4, kind == WeightQuantization.Q4_0 ? 0.2 : 0.02);
        Assert.Equal(kind, layer.Quantization);
        Assert.Equal(layer.Bytes, QuantizedLayout.ByteLength(kind, Rank, 96) + QuantizedLayout.ByteLength(kind, 160, Rank));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Any_program_can_multiply_the_levels_by_the_scales(WeightQuantization kind)
    {
        FactorizationResult result = new FactorizeModel(Options(kind)).Run(Model());
        using SafetensorsFile raw = new(result.Path);
        Assert.Equal(result.Bytes, raw.Tensors.Sum(t => t.ByteLength));
        Assert.Equal(kind == WeightQuantization.Q4_0 ? TensorDType.I32 : TensorDType.I8, raw.Tensors.First(t => t.Name.StartsWith("fc.0.weight", StringComparison.Ordinal)).DType);
        ParameterCount count = CountParameters.Run(new ModelSource(result.Path, "m"));
        Assert.Equal(Rank * (160 + 96) + 24 * 64 + 64, count.Parameters);
        Assert.Equal(Rank * (160 + 96), count.ByDType[kind == WeightQuantization.Q4_0 ? "I4" : "I8"]);

        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(result.Path, "m")).Path;
        TensorDifference difference = new CompareModels(withRank: false).Run(new ModelSource(_folder["in/m.safetensors"], "m"), new ModelSource(merged, "m")).Single(d => d.Name == "fc.weight");
        Assert.Equal(result.Layers.Single(l => l.Name == "fc.weight").RelativeError!.Value, difference.RelativeError!.Value, 1e-4);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_stays_dense_is_quantised_when_asked(WeightQuantization kind)
    {
        FactorizationResult plain = new FactorizeModel(Options(kind)).Run(Model());
        Assert.Null(plain.Layers.Single(l => l.Name == "head.weight").Quantization);
        FactorizationResult result = new FactorizeModel(Options(kind) with { QuantizeDense = true }).Run(Model());
        LayerFactorization head = result.Layers.Single(l => l.Name == "head.weight");
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        double actual = TestModel.RelativeError(s_head.Values, [.. written["head.weight"].Values.Select(v => (double)v)]);
        Assert.Equal(actual, head.QuantizationError!.Value, 1e-9);
        Assert.True(head.QuantizationError > 0);
        Assert.Equal(QuantizedLayout.ByteLength(kind, 24, 64), head.Bytes);
        Assert.Equal(plain.RelativeError, result.RelativeError);
        Assert.Equal(written["norm.weight"].Values, TestModel.Random("norm.weight", 3, 64).Values);
    }

    [Fact]
    public void Embeddings_are_read_back_as_they_were_measured()
    {
        ModelSource model = new(TestModel.Write(_folder["in/e.safetensors"], TestModel.Random("embed_tokens.weight", 7, 100, 64)), "e");
        FactorizeOptions options = Options(WeightQuantization.Int8) with { Rule = new RankRule.Fixed(16), Selection = new LayerSelection { IncludeEmbedding = true } };
        FactorizationResult result = new FactorizeModel(options).Run(model);
        Dictionary<string, (long[] Shape, float[] Values)> written = TestModel.Read(result.Path);
        double[] product = TestModel.Multiply(written["embed_tokens.0.weight"].Values, TestModel.Transpose(written["embed_tokens.1.weight"].Values, 64, 16), 100, 16, 64);
        double actual = TestModel.RelativeError(TestModel.Random("embed_tokens.weight", 7, 100, 64).Values, product);
        Assert.InRange(result.Layers[0].RelativeError!.Value, actual * (1 - 1e-4), actual * (1 + 1e-4));
    }

    [Fact]
    public void The_same_input_gives_the_same_bytes_whatever_the_thread_count()
    {
        byte[] Run(int threads)
        {
            FactorizeOptions options = Options(WeightQuantization.Q4_0) with { Svd = new SvdOptions { ThreadCount = threads }, QuantizeDense = true };
            return File.ReadAllBytes(new FactorizeModel(options).Run(Model()).Path);
        }
        Assert.Equal(Run(1), Run(2));
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        ModelSource model = Model();
        void Refused(FactorizeOptions options)
        {
            Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options).Run(model)).ErrorId);
            Assert.False(Directory.Exists(_folder["out"]) && Directory.EnumerateFileSystemEntries(_folder["out"]).Any());
        }
        Refused(Options(WeightQuantization.Q4_0) with { Rule = new RankRule.Fixed(24) });
        Refused(Options(WeightQuantization.Int8) with { Format = ModelFormat.PyTorch });
        Refused(Options(WeightQuantization.Int8) with { Quantize = null, QuantizeDense = true });
        // Rows of 100 are no whole blocks.
        model = new ModelSource(TestModel.Write(_folder["in/odd.safetensors"], TestModel.Random("fc.weight", 1, 160, 100)), "odd");
        Refused(Options(WeightQuantization.Q8_0));
    }
}
