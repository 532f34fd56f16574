using LowRankTools.Core.Calibration;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Matrices;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>Fitting a layer on the inputs that compressed layers before it make.</summary>
public sealed class SequentialTests
{
    [Theory]
    [InlineData(12, 20)]
    [InlineData(20, 12)]
    public void Inputs_that_did_not_change_leave_the_weight_what_it_is(int outputs, int inputs)
    {
        double[,] w = Random(1, outputs, inputs), x = Inputs(2, inputs, 8);
        using Matrix<double> target = Target(w, x, x, 1e-6);
        Near(0, SquaredNorm(Add(Of(target), w, -1)), SquaredNorm(w), 1e-12);
    }

    [Theory]
    [InlineData(12, 20, 1)]
    [InlineData(12, 20, 6)]
    [InlineData(20, 12, 3)]
    [InlineData(16, 16, 5)]
    public void It_loses_what_it_discards_and_what_no_layer_could_keep_and_no_pair_loses_less(int outputs, int inputs, int rank)
    {
        double[,] w = Random(1, outputs, inputs), x = Inputs(2, inputs, 4 * inputs), arriving = Add(x, Inputs(5, inputs, 4 * inputs), 0.5);
        double Loss(double[,] pair) => SquaredNorm(Add(Multiply(w, x), Multiply(pair, arriving), -1));
        using Matrix<double> target = Target(w, x, arriving, 1e-13);
        using Gram gram = Gram(arriving);
        (double[,] sequential, double[] values) = Solve(Of(target), null, gram, rank);
        double norm = SquaredNorm(Multiply(w, x)), floor = Loss(Of(target));
        Near(floor + values.Skip(rank).Sum(s => s * s), Loss(sequential), norm, 1e-7);
        double limit = Loss(sequential) - 1e-7 * norm;
        using Gram original = Gram(x);
        Assert.True(Loss(Solve(w, null, original, rank).Approximation) >= limit);
        Assert.True(Loss(Solve(w, null, gram, rank).Approximation) >= limit);
        for (int seed = 0; seed < 20; seed++)
        {
            double[,] push = Multiply(Random(seed + 50, outputs, rank), Multiply(Random(seed + 90, rank, outputs), sequential));
            Assert.True(Loss(Add(sequential, push, Math.Pow(10, -seed % 5))) >= limit);
        }
    }

    [Theory]
    [InlineData(12, 20, 6)]
    [InlineData(20, 12, 3)]
    public void Blended_no_pair_loses_less_of_both_targets_together(int outputs, int inputs, int rank)
    {
        double[,] w = Random(1, outputs, inputs), x = Inputs(2, inputs, 4 * inputs), arriving = Add(x, Inputs(5, inputs, 4 * inputs), 0.5);
        double Loss(double[,] pair) => SquaredNorm(Add(Multiply(w, x), Multiply(pair, arriving), -1)) + SquaredNorm(Multiply(Add(w, pair, -1), arriving));
        (double[,] Approximation, double[] _) Solved(CalibrationMode mode)
        {
            using LayerCalibration calibration = new() { Inputs = new InputGrams(Gram(x), Host(Multiply(x, Transpose(arriving))), Gram(arriving)), Magnitudes = new double[inputs], Count = 1 };
            using Matrix<float> single = Single(w);
            using CalibratedLayer layer = new(Engine, single.View, calibration, new CalibrationOptions { Path = "", Mode = mode, Damping = 1e-12 }, default);
            return Solve(Of(layer.Target), null, layer.Inputs, rank);
        }
        double[,] blended = Solved(CalibrationMode.Blended).Approximation, anchored = Solved(CalibrationMode.Full).Approximation;
        double norm = SquaredNorm(Multiply(w, x)), limit = Loss(blended) - 1e-6 * norm;
        Assert.True(Loss(anchored) > Loss(blended) + 1e-6 * norm);
        using Gram gram = Gram(arriving);
        Assert.True(Loss(Solve(w, null, gram, rank).Approximation) > Loss(blended) + 1e-6 * norm);
        for (int seed = 0; seed < 20; seed++)
        {
            double[,] push = Multiply(Random(seed + 50, outputs, rank), Multiply(Random(seed + 90, rank, outputs), blended));
            Assert.True(Loss(Add(blended, push, Math.Pow(10, -seed % 5))) >= limit);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Reported_errors_are_those_of_the_inputs_themselves(bool sequential)
    {
        double[,] w = Random(1, 30, 20), x = Inputs(2, 20, 50), b = Random(3, 30, 4), a = Random(4, 4, 20);
        double[,] arriving = sequential ? Add(x, Inputs(6, 20, 50), 0.3) : x;
        using InputGrams grams = sequential
            ? new InputGrams(Gram(x), Host(Multiply(x, Transpose(arriving))), Gram(arriving))
            : new InputGrams(Gram(x));
        using Matrix<float> weight = Single(w), left = Single(b), right = Single(a);
        double actual = CalibratedError.Relative(Engine, weight.View, left.View, right.View, grams, default);
        double[,] difference = Add(Multiply(w, x), Multiply(Multiply(b, a), arriving), -1);
        Assert.Equal(Math.Sqrt(SquaredNorm(difference) / SquaredNorm(Multiply(w, x))), actual, 1e-6);
    }

    private static Matrix<float> Single(double[,] a)
    {
        using Matrix<double> wide = Host(a);
        return HostMatrix.Single(wide.View);
    }

    private static Matrix<double> Target(double[,] w, double[,] x, double[,] arriving, double damping)
    {
        using Gram gram = Gram(arriving);
        double ridge = gram.Ridge(damping);
        using Gram damped = gram.Plus(ridge);
        using Matrix<double> weight = Host(w), cross = Host(Multiply(x, Transpose(arriving)));
        return SequentialTarget.Compute(Engine, weight, cross, damped.Dense!, ridge, default);
    }
}
