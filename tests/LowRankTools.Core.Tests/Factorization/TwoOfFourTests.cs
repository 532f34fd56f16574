using LowRankTools.Core.Factorization;
using LowRankTools.Core.Factors;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Formats.Quantization;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Zeros for two of every four inputs of a weight that stays dense.</summary>
public sealed class TwoOfFourTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model() => new(TestModel.Write(_folder["in/m.safetensors"], TestModel.Random("fc.weight", 1, 40, 24), TestModel.Random("head.weight", 2, 12, 32),
        TestModel.Random("odd.weight", 3, 12, 30), TestModel.Random("embed_tokens.weight", 4, 50, 32), TestModel.Random("head.bias", 5, 12)), "m");

    private static double[,] Weight(string path)
    {
        (long[] shape, float[] values) = TestModel.Read(path)["head.weight"];
        double[,] matrix = new double[shape[0], shape[1]];
        for (int i = 0; i < values.Length; i++)
            matrix[i / shape[1], i % shape[1]] = values[i];
        return matrix;
    }

    private static double Relative(double[,] weight, double[,] other, double[,] inputs) => Math.Sqrt(Dense.Loss(weight, other, inputs) / Dense.SquaredNorm(Dense.Multiply(weight, inputs)));

    private FactorizationResult Run(string? calibration = null, bool sparse = true) => new FactorizeModel(new FactorizeOptions
    {
        Rule = new RankRule.Fixed(4), OutputPath = _folder["out"], Force = true, DenseTwoOfFour = sparse, Selection = new LayerSelection { Include = [n => n.StartsWith("fc", StringComparison.Ordinal)] },
        Calibration = calibration is null ? null : new CalibrationOptions { Path = calibration },
    }).Run(Model());

    [Fact]
    public void Of_every_group_the_two_that_matter_least_are_zero_and_the_others_untouched()
    {
        FactorizationResult result = Run();
        float[] before = TestModel.Random("head.weight", 2, 12, 32).Values, after = TestModel.Read(result.Path)["head.weight"].Values;
        double lost = 0;
        for (int first = 0; first < before.Length; first += 4)
        {
            float[] group = before[first..(first + 4)], kept = after[first..(first + 4)];
            Assert.Equal(2, kept.Count(v => v == 0));
            Assert.All(Enumerable.Range(0, 4), k => Assert.True(kept[k] == 0 || kept[k] == group[k]));
            double least = group.Select(v => (double)v * v).Order().Take(2).Sum();
            Assert.Equal(least, group.Zip(kept, (b, a) => (double)(b - a) * (b - a)).Sum(), 1e-12);
            lost += least;
        }
        LayerFactorization head = result.Layers.Single(l => l.Name == "head.weight");
        Assert.Equal(before.Length / 2, head.ZeroedParameters);
        Assert.Equal(Math.Sqrt(lost / before.Sum(v => (double)v * v)), head.RelativeError!.Value, 1e-6);
        Assert.Null(head.Rank);
    }

    [Fact]
    public void Everything_else_is_as_it_was()
    {
        Dictionary<string, (long[] Shape, float[] Values)> sparse = TestModel.Read(Run().Path), plain = TestModel.Read(Run(sparse: false).Path);
        Assert.Equal(plain.Keys, sparse.Keys);
        Assert.All(plain.Where(t => t.Key != "head.weight"), t => Assert.Equal(t.Value.Values, sparse[t.Key].Values));
        Assert.NotEqual(plain["head.weight"].Values, sparse["head.weight"].Values);
    }

    [Fact]
    public void Inputs_choose_what_loses_less_at_the_output()
    {
        // Inputs of very different sizes, so that magnitudes alone choose badly.
        double[,] x = Dense.Inputs(3, 32, 90);
        for (int i = 0; i < 32; i++)
        {
            for (int j = 0; j < 90; j++)
                x[i, j] *= i % 4 == 0 ? 20 : 0.2;
        }
        string file = CalibrationFiles.Write(_folder["calibration.safetensors"], CalibrationFiles.Gram("head", x), CalibrationFiles.Gram("fc", Dense.Inputs(4, 24, 60)));
        string source = _folder["in/m.safetensors"];
        double[,] plain = Weight(Run().Path);
        FactorizationResult result = Run(file);
        LayerFactorization head = result.Layers.Single(l => l.Name == "head.weight");
        double[,] w = Weight(source), pruned = Weight(result.Path);
        Assert.Equal(Relative(w, pruned, x), head.CalibratedError!.Value, 1e-5);
        Assert.True(head.CalibratedError < 0.8 * Relative(w, plain, x));
        Assert.Equal(12 * 32 / 2, head.ZeroedParameters);
    }

    [Fact]
    public void Weights_that_are_stored_the_other_way_have_the_pattern_along_their_inputs()
    {
        using Matrix<float> weight = Matrix<float>.From(8, 5, TestModel.Random("w", 6, 8, 5).Values);
        TwoOfFour.Apply(weight.Transposed, null, CancellationToken.None);
        for (int j = 0; j < 5; j++)
        {
            for (int first = 0; first < 8; first += 4)
                Assert.Equal(2, Enumerable.Range(first, 4).Count(i => weight[i, j] == 0));
        }
    }

    [Fact]
    public void It_is_refused_beside_what_contradicts_it() =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeOptions
        {
            Rule = new RankRule.Fixed(4), DenseTwoOfFour = true, Quantize = WeightQuantization.Int8, QuantizeDense = true,
        }.Validate()).ErrorId);
}
