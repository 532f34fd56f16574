using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;
using Microsoft.ML.OnnxRuntime;

namespace LowRankTools.Core.Tests.Graphs;

public sealed class QuantizedGraphTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private FactorizeOptions Options => new() { Rule = new RankRule.Fixed(GraphModel.Rank), OutputPath = _folder["out/m.onnx"], Quantize = WeightQuantization.Int8 };

    [Theory]
    [InlineData(8, null, false)]
    [InlineData(3, null, false)]
    [InlineData(8, "weights.bin", false)]
    [InlineData(8, null, true)]
    public void ONNX_Runtime_multiplies_by_the_values_that_are_read_back(int irVersion, string? dataFile, bool constant)
    {
        ModelSource model = GraphModel.Write(_folder["in/m.onnx"], irVersion, dataFile, constant);
        FactorizationResult result = new FactorizeModel(Options).Run(model);
        Assert.Equal(2, result.FactorizedLayers);
        Assert.All(result.Layers.Where(l => l.Rank is not null), l => Assert.InRange(l.QuantizationError!.Value, 1e-5, 0.05));

        string merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged"] }).Run(new ModelSource(result.Path, "m")).Path;
        string dense = GraphModel.Write(_folder["dense/m.onnx"]).Path;
        // By default ONNX Runtime rounds activations to eight bits too, where it finds products by int8 weights; level 1 leaves them float32.
        using SessionOptions exact = new();
        exact.AddSessionConfigEntry("session.qdq_matmulnbits_accuracy_level", "1");
        float[] quantized = GraphModel.Run(result.Path, exact), byDefault = GraphModel.Run(result.Path), products = Run(dense, TestModel.Read(merged)), original = GraphModel.Run(dense);
        double scale = products.Max(Math.Abs);
        for (int i = 0; i < products.Length; i++)
        {
            Assert.Equal(products[i], quantized[i], 1e-5 * scale);
            Assert.Equal(products[i], byDefault[i], 0.02 * scale);
        }
        Assert.True(original.Zip(quantized).Max(p => Math.Abs(p.First - p.Second)) > 1e-4 * scale, "nothing was quantised: the comparison shows nothing");
    }

    [Fact]
    public void The_reader_counts_int8()
    {
        string path = new FactorizeModel(Options).Run(GraphModel.Write(_folder["in/m.onnx"])).Path;
        ParameterCount count = CountParameters.Run(new ModelSource(path, "m"));
        Assert.Equal(GraphModel.Rank * (GraphModel.Width + 2 * GraphModel.Inner + GraphModel.Classes), count.ByDType["I8"]);
        Assert.Equal(count.Parameters, CountParameters.Run(new ModelSource(new FactorizeModel(Options with { Quantize = null, OutputPath = _folder["plain/m.onnx"] }).Run(new ModelSource(_folder["in/m.onnx"], "m")).Path, "m")).Parameters);
    }

    [Fact]
    public void What_a_graph_cannot_have_is_refused()
    {
        ModelSource model = GraphModel.Write(_folder["in/m.onnx"]);
        foreach (FactorizeOptions options in new[]
        {
            Options with { Quantize = WeightQuantization.Q8_0, Rule = new RankRule.Fixed(32) },
            Options with { QuantizeDense = true },
            Options with { Selection = new LayerSelection { IncludeEmbedding = true } },
        })
            Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options).Run(model)).ErrorId);
    }

    private static float[] Run(string path, Dictionary<string, (long[] Shape, float[] Values)> weights)
    {
        using SessionOptions options = new();
        List<OrtValue> values = [];
        foreach (string name in GraphModel.Weights.Skip(1))
        {
            values.Add(OrtValue.CreateTensorValueFromMemory(weights[name].Values, weights[name].Shape));
            options.AddInitializer(name, values[^1]);
        }
        float[] answers = GraphModel.Run(path, options);
        values.ForEach(v => v.Dispose());
        return answers;
    }
}
