using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Gguf;

/// <summary>Factors, and what stays dense, as blocks of GGUF.</summary>
public sealed class QuantizedGgufTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model() => TestGguf.Model().With(TestModel.Random("blk.0.ffn_up.weight", 1, 160, 96)).With(TestModel.Random("output.weight", 2, 24, 64))
        .With(TestModel.Random("blk.0.ffn_norm.weight", 3, 96)).Write(_folder["in/m.gguf"]);

    private FactorizeOptions Options(WeightQuantization kind, ModelFormat format) => new()
    {
        Rule = new RankRule.Fixed(32), Quantize = kind, QuantizeDense = true, Format = format, OutputPath = _folder[$"out-{kind}-{format}"],
        Selection = new LayerSelection { Include = [n => n.Contains("ffn_up", StringComparison.Ordinal)] },
    };

    [Theory]
    [InlineData(WeightQuantization.Q8_0, TensorDType.Q8_0)]
    [InlineData(WeightQuantization.Q4_0, TensorDType.Q4_0)]
    public void Blocks_hold_the_values_that_safetensors_holds(WeightQuantization kind, TensorDType type)
    {
        ModelSource model = Model();
        FactorizationResult blocks = new FactorizeModel(Options(kind, ModelFormat.Gguf)).Run(model), levels = new FactorizeModel(Options(kind, ModelFormat.Safetensors)).Run(model);
        foreach (string name in new[] { "blk.0.ffn_up.0.weight", "blk.0.ffn_up.1.weight", "output.weight" })
        {
            Assert.Equal(type, TestGguf.TypeOf(blocks.Path, name));
            Assert.Equal(TestModel.Read(levels.Path)[name].Values, TestModel.Read(blocks.Path)[name].Values);
        }
        Assert.Equal(TensorDType.F32, TestGguf.TypeOf(blocks.Path, "blk.0.ffn_norm.weight"));
        Assert.Equal(levels.Layers.Select(l => l.QuantizationError), blocks.Layers.Select(l => l.QuantizationError));
        using GgufFile file = new(blocks.Path);
        Assert.Equal(blocks.Bytes, file.Tensors.Sum(t => t.ByteLength));
    }

    [Fact]
    public void GGUF_has_no_int8_with_a_scale_for_each_row() =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(Options(WeightQuantization.Int8, ModelFormat.Gguf)).Run(Model())).ErrorId);
}
