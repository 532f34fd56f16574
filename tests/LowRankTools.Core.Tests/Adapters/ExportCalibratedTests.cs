using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;
using static LowRankTools.Core.Tests.Calibration.CalibrationFiles;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Adapters of differences that are truncated by what they do to inputs.</summary>
public sealed class ExportCalibratedTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Base() => new(TestModel.Write(_folder["base.safetensors"], TestModel.Random("l.fc.weight", 1, 30, 20), TestModel.Random("l.c_fc.weight", 3, 20, 30),
        TestModel.Random("l.c_fc.bias", 4, 30), TestModel.Random("conv.weight", 5, 6, 5, 3, 3), TestModel.Random("emb.weight", 6, 40, 8)), "base");

    private ModelSource Tuned() => new(TestModel.Write(_folder["tuned.safetensors"], TestModel.Random("l.fc.weight", 11, 30, 20), TestModel.Random("l.c_fc.weight", 13, 20, 30),
        TestModel.Random("l.c_fc.bias", 4, 30), TestModel.Random("conv.weight", 15, 6, 5, 3, 3), TestModel.Random("emb.weight", 16, 40, 8)), "tuned");

    private AdapterResult Run(ExportAdapterOptions options, string output = "out") =>
        new ExportAdapter(options with { Selection = options.Selection with { IncludeEmbedding = true }, Output = new() { OutputPath = _folder[output], Force = true } }).Run(Tuned(), Base());

    private double[,] Difference(string name, bool turned)
    {
        double[,] delta = Add(Values(TestModel.Read(_folder["tuned.safetensors"])[name]), Values(TestModel.Read(_folder["base.safetensors"])[name]), -1);
        return turned ? Transpose(delta) : delta;
    }

    private static double[,] Values((long[] Shape, float[] Values) tensor) => Shaped([.. tensor.Values.Select(v => (double)v)], (int)tensor.Shape[1]);

    private static double Relative(double[,] delta, double[,] pair, double[,] x) => Math.Sqrt(Loss(delta, pair, x) / SquaredNorm(Multiply(delta, x)));

    private static double[,] Written(AdapterResult result, string module, int columns) => Shaped(TestAdapter.Deltas(result.Path)[module], columns);

    private static double[,] Shaped(double[] values, int columns)
    {
        double[,] matrix = new double[values.Length / columns, columns];
        Buffer.BlockCopy(values, 0, matrix, 0, values.Length * sizeof(double));
        return matrix;
    }

    [Theory]
    [InlineData("l.fc", 20, false)]
    [InlineData("l.c_fc", 20, true)]
    [InlineData("emb", 40, true)]
    public void No_pair_of_that_rank_loses_less_on_the_inputs(string module, int inputs, bool turned)
    {
        double[,] x = Inputs(3, inputs, 90), held = Inputs(8, inputs, 50);
        string file = Write(_folder["c.safetensors"], Gram(module, x), Gram(module, held, part: "heldout_gram"));
        ExportAdapterOptions options = new() { Rank = new AdapterRank.Fixed(3) };
        AdapterResult plain = Run(options, "plain"), calibrated = Run(options with { Calibration = new CalibrationOptions { Path = file } });
        double[,] delta = Difference(module + ".weight", turned), pair = Written(calibrated, module, inputs);
        AdapterModuleResult result = calibrated.Modules.Single(m => m.Name == module);
        (double[,] best, _) = Solve(delta, null, Gram(x), 3);
        Assert.Equal(Relative(delta, pair, x), result.CalibratedError!.Value, 1e-5);
        Assert.Equal(Relative(delta, best, x), result.CalibratedError.Value, 1e-4);
        Assert.Equal(Relative(delta, pair, held), result.HeldOutError!.Value, 1e-5);
        Assert.Equal(Math.Sqrt(SquaredNorm(Add(delta, pair, -1)) / SquaredNorm(delta)), result.RelativeError, 1e-5);
        Assert.True(result.CalibratedError < Relative(delta, Written(plain, module, inputs), x));
        Assert.Equal(result.CalibratedError, calibrated.CalibratedError);

        // What the file does not know, and a convolution, is as without it.
        Assert.Equal(plain.Modules.Select(m => m.Name).Where(n => n != module), calibrated.Uncalibrated);
        Assert.All(plain.Modules.Where(m => m.Name != module), m => Assert.Equal(m, calibrated.Modules.Single(c => c.Name == m.Name)));
        Assert.Null(plain.CalibratedError);
    }

    [Fact]
    public void An_energy_is_that_of_the_outputs()
    {
        double[,] x = Inputs(3, 20, 90);
        CalibrationOptions use = new() { Path = Write(_folder["c.safetensors"], Gram("l.fc", x)) };
        foreach (double share in new[] { 0.3, 0.6, 0.9, 0.99 })
        {
            AdapterModuleResult module = Run(new() { Rank = new AdapterRank.Energy(share), Calibration = use }).Modules.Single(m => m.Name == "l.fc");
            Assert.True(1 - Math.Pow(module.CalibratedError!.Value, 2) >= share - 1e-5);
            (double[,] less, _) = Solve(Difference("l.fc.weight", false), null, Gram(x), module.Rank - 1);
            Assert.True(module.Rank == 1 || 1 - Math.Pow(Relative(Difference("l.fc.weight", false), less, x), 2) < share + 1e-5);
        }
    }

    [Fact]
    public void A_budget_loses_the_least_at_the_outputs_of_all_modules_together()
    {
        double[,] x = Inputs(3, 20, 90), y = Inputs(4, 20, 90);
        CalibrationOptions use = new() { Path = Write(_folder["c.safetensors"], Gram("l.fc", x), Gram("l.c_fc", y)) };
        LayerSelection both = new() { Include = [LayerSelection.Pattern("l.*")] };
        AdapterResult result = new ExportAdapter(new() { ParameterBudget = 400, Calibration = use, Selection = both, Output = new() { OutputPath = _folder["out"] } }).Run(Tuned(), Base());
        double[,] a = Difference("l.fc.weight", false), b = Difference("l.c_fc.weight", true);
        double Lost(double[,] delta, double[,] inputs, int rank) => SquaredNorm(Multiply(Add(delta, Solve(delta, null, Gram(inputs), rank).Item1, -1), inputs));
        double least = (from r in Enumerable.Range(1, 7) from s in Enumerable.Range(1, 7) where 50 * (r + s) <= 400 select Lost(a, x, r) + Lost(b, y, s)).Min();
        Assert.Equal(Math.Sqrt(least / (SquaredNorm(Multiply(a, x)) + SquaredNorm(Multiply(b, y)))), result.CalibratedError!.Value, 1e-4);
        Assert.True(result.Parameters <= 400);
    }

    [Fact]
    public void Calibrations_that_do_not_fit_are_refused()
    {
        string Id(ExportAdapterOptions options) => Assert.ThrowsAny<LowRankToolsException>(() => Run(options)).ErrorId;
        CalibrationOptions Use(string name, int inputs) => new() { Path = Write(_folder["c.safetensors"], Gram(name, Inputs(3, inputs, 30))) };
        ExportAdapterOptions options = new() { Rank = new AdapterRank.Fixed(2) };
        Assert.Equal(CoreErrors.CalibrationUnmatched, Id(options with { Calibration = Use("elsewhere", 20) }));
        Assert.Equal(CoreErrors.CalibrationInvalid, Id(options with { Calibration = Use("l.fc", 21) }));
        Assert.Equal(CoreErrors.CalibrationUnmatched, Id(new() { ParameterBudget = 5000, Calibration = Use("l.fc", 20) }));
        Assert.Equal(CoreErrors.PathNotFound, Id(options with { Calibration = new CalibrationOptions { Path = _folder["none"] } }));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>((options with { Calibration = Use("l.fc", 20), Output = new() { Layout = AdapterLayout.Lotr } }).Validate).ErrorId);
        Assert.False(Path.Exists(_folder["out"]));
    }
}
