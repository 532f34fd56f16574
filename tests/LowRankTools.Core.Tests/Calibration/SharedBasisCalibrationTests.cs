using LowRankTools.Core.Calibration;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using static LowRankTools.Core.Tests.Calibration.CalibrationFiles;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>A basis that is shared, fitted to what its layers are fed.</summary>
public sealed class SharedBasisCalibrationTests : IDisposable
{
    private const int Rank = 5, Outputs = 24, Features = 20;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void On_the_inputs_of_all_layers_together_it_loses_the_tail_of_the_whitened_stack()
    {
        (double[,] x, double[,] y) = (Inputs(3, Features, 60), Inputs(8, Features, 70));
        FactorizationResult result = Run(Write(_folder["c.safetensors"], Gram("h.0.fc", x), Gram("h.1.fc", y)), CalibrationMode.Full, refit: false);
        double[,] pooled = Beside(x, y), first = Weight(0), second = Weight(1);
        double lost = Loss(first, Pair(result.Path, 0), pooled) + Loss(second, Pair(result.Path, 1), pooled);
        (_, double[] values) = Solve(Below(first, second), null, Gram(pooled), Rank);
        Near(values.Skip(Rank).Sum(s => s * s), lost, lost, 1e-3);
        Assert.All(result.Layers.Zip([x, y]), l => Assert.Equal(Math.Sqrt(Loss(Weight(l.First.Name[2] - '0'), Pair(result.Path, l.First.Name[2] - '0'), l.Second) / SquaredNorm(Multiply(Weight(l.First.Name[2] - '0'), l.Second))),
            l.First.CalibratedError!.Value, 1e-5));
    }

    [Theory]
    [InlineData(CalibrationMode.Full)]
    [InlineData(CalibrationMode.Inputs)]
    [InlineData(CalibrationMode.Diagonal)]
    public void Refitted_to_its_own_inputs_no_layer_loses_more_on_them(CalibrationMode mode)
    {
        string file = Write(_folder["c.safetensors"], Gram("h.0.fc", Inputs(3, Features, 60)), Gram("h.1.fc", Inputs(8, Features, 70)));
        FactorizationResult plain = Run(file, mode, refit: false), refitted = Run(file, mode, refit: true);
        Assert.All(plain.Layers.Zip(refitted.Layers), l => Assert.InRange(l.Second.CalibratedError!.Value, 0, l.First.CalibratedError!.Value * (1 + 1e-4)));
        // The inputs differ, so that the one fit of both is neither's.
        Assert.Contains(plain.Layers.Zip(refitted.Layers), l => l.Second.CalibratedError < 0.999 * l.First.CalibratedError);
    }

    [Fact]
    public void With_gradients_it_loses_the_least_in_their_metric()
    {
        (double[,] x, double[,] g, double[,] h) = (Inputs(3, Features, 60), Inputs(11, Outputs, 60), Inputs(12, Outputs, 60));
        string file = Write(_folder["c.safetensors"], Gram("h.0.fc", x), Gram("h.1.fc", x), Gram("h.0.fc", g, part: "output_gram"), Gram("h.1.fc", h, part: "output_gram"));
        FactorizationResult full = Run(file, CalibrationMode.Full, refit: false);
        double Weighted(FactorizationResult result) => SquaredNorm(Multiply(Multiply(Transpose(g), Add(Weight(0), Pair(result.Path, 0), -1)), x)) + SquaredNorm(Multiply(Multiply(Transpose(h), Add(Weight(1), Pair(result.Path, 1), -1)), x));
        double lost = Weighted(full);
        using Gram rows = LowRankTools.Core.Calibration.Gram.Blocks([Gram(g), Gram(h)]);
        (_, double[] values) = Solve(Below(Weight(0), Weight(1)), rows, Gram(x), Rank);
        Near(values.Skip(Rank).Sum(s => s * s), lost, lost, 1e-3);
        Assert.True(lost < Weighted(Run(file, CalibrationMode.Inputs, refit: false)));
    }

    [Fact]
    public void Diagonal_Grams_are_summed_and_stacked_as_whole_ones_are()
    {
        double[][] diagonals = [[1, 2, 3], [4, 5, 6]];
        Gram[] thin = [.. diagonals.Select(LowRankTools.Core.Calibration.Gram.Of)], whole = [.. diagonals.Select(d => LowRankTools.Core.Calibration.Gram.Of(Host(new[,] { { d[0], 0, 0 }, { 0, d[1], 0 }, { 0, 0, d[2] } })))];
        foreach (Gram[] mixed in new[] { thin, whole, [thin[0], whole[1]] })
        {
            using Gram sum = LowRankTools.Core.Calibration.Gram.Sum(mixed), blocks = LowRankTools.Core.Calibration.Gram.Blocks(mixed);
            Assert.Equal([5, 7, 9], Enumerable.Range(0, sum.Size).Select(sum.Entry));
            Assert.Equal([1, 2, 3, 4, 5, 6], Enumerable.Range(0, blocks.Size).Select(blocks.Entry));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_that_knows_one_of_two_layers_is_refused(bool energy)
    {
        string file = Write(_folder["c.safetensors"], Gram("h.1.fc", Inputs(3, Features, 60)));
        Assert.Equal(CoreErrors.CalibrationUnmatched, Assert.Throws<LowRankToolsException>(() => Run(file, CalibrationMode.Full, refit: false, energy ? new RankRule.Energy(0.9) : null)).ErrorId);
    }

    [Fact]
    public void Energy_is_that_of_the_outputs()
    {
        (double[,] x, double[,] y) = (Inputs(3, Features, 60), Inputs(8, Features, 70));
        FactorizationResult result = Run(Write(_folder["c.safetensors"], Gram("h.0.fc", x), Gram("h.1.fc", y)), CalibrationMode.Full, refit: false, new RankRule.Energy(0.9));
        (_, double[] values) = Solve(Below(Weight(0), Weight(1)), null, Gram(Beside(x, y)), Rank);
        double all = values.Sum(s => s * s);
        Assert.Equal(Enumerable.Range(1, values.Length).First(r => values.Take(r).Sum(s => s * s) >= 0.9 * all), result.Layers[0].Rank);
    }

    private FactorizationResult Run(string calibration, CalibrationMode mode, bool refit, RankRule? rule = null)
    {
        string model = TestModel.Write(_folder["in/m.safetensors"], TestModel.Random("h.0.fc.weight", 1, Outputs, Features), TestModel.Random("h.1.fc.weight", 2, Outputs, Features));
        return new FactorizeModel(new FactorizeOptions
        {
            Rule = rule ?? new RankRule.Fixed(Rank), ShareBasis = 2, OutputPath = _folder["out"], Force = true, UseCache = false,
            Calibration = new CalibrationOptions { Path = calibration, Mode = mode, Refit = refit, Damping = 1e-9 },
        }).Run(new ModelSource(model, "m"));
    }

    private double[,] Weight(int layer) => Matrix(TestModel.Read(_folder["in/m.safetensors"])[$"h.{layer}.fc.weight"]);

    private static double[,] Pair(string path, int layer)
    {
        Dictionary<string, (long[] Shape, float[] Values)> factors = TestModel.Read(path);
        return Multiply(Matrix(factors[$"h.{layer}.fc.1.weight"]), Matrix(factors["h.0.fc.0.weight"]));
    }

    private static double[,] Matrix((long[] Shape, float[] Values) tensor)
    {
        double[,] matrix = new double[tensor.Shape[0], tensor.Shape[1]];
        Buffer.BlockCopy(Array.ConvertAll(tensor.Values, v => (double)v), 0, matrix, 0, tensor.Values.Length * sizeof(double));
        return matrix;
    }

    private static double[,] Beside(double[,] a, double[,] b) => Transpose(Below(Transpose(a), Transpose(b)));

    private static double[,] Below(double[,] a, double[,] b)
    {
        using Matrix<double> first = Host(a), second = Host(b), stack = HostMatrix.Stack([first.View, second.View]);
        return Of(stack);
    }
}
