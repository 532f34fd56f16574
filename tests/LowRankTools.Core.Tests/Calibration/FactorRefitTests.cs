using LowRankTools.Core.Calibration;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>The closed form of one factor beside the other is the least-squares solution.</summary>
public sealed class FactorRefitTests
{
    [Theory]
    [InlineData(20, 30, 4)]
    [InlineData(30, 20, 20)]
    [InlineData(7, 50, 7)]
    public void A_refit_never_loses_more_and_nothing_beside_it_loses_less(int outputs, int inputs, int rank)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            double[,] w = Random(seed, outputs, inputs), x = Inputs(seed + 100, inputs, 2 * inputs), a = Random(seed + 200, rank, inputs), b = Random(seed + 300, outputs, rank);
            using Gram gram = Gram(x);
            using Matrix<double> weight = Host(w), right = Host(a), fitted = FactorRefit.Left(Engine, weight, right, gram, default);
            double norm = SquaredNorm(Multiply(w, x)), loss = Loss(w, Multiply(Of(fitted), a), x);
            Assert.True(loss <= Loss(w, Multiply(b, a), x));
            Assert.True(loss <= norm * (1 + 1e-12));
            // The residual is orthogonal to everything that A can make of the inputs.
            double[,] gradient = Multiply(Multiply(Add(w, Multiply(Of(fitted), a), -1), x), Transpose(Multiply(a, x)));
            Near(0, Math.Sqrt(SquaredNorm(gradient)), Math.Sqrt(norm * SquaredNorm(Multiply(a, x))), 1e-7);
        }
    }

    [Fact]
    public void The_other_factor_is_fitted_in_the_metric_of_the_outputs()
    {
        double[,] w = Random(1, 20, 30), g = Inputs(2, 20, 60), b = Random(3, 20, 5);
        using Gram gram = Gram(g);
        using Matrix<double> weight = Host(w), left = Host(b), fitted = FactorRefit.Right(Engine, weight, left, gram, default);
        double[,] residual = Add(w, Multiply(b, Of(fitted)), -1);
        double[,] gradient = Multiply(Transpose(Multiply(Transpose(g), b)), Multiply(Transpose(g), residual));
        Near(0, Math.Sqrt(SquaredNorm(gradient)), SquaredNorm(Multiply(Transpose(g), w)), 1e-8);
    }

    [Fact]
    public void The_optimum_is_a_fixed_point()
    {
        double[,] w = Random(1, 20, 30), x = Inputs(2, 30, 60);
        using Gram gram = Gram(x);
        using Matrix<double> weight = Host(w);
        using WeightedProblem problem = new(Engine, weight, null, gram);
        using WeightedPair pair = problem.Solve(6, SvdOptions.Default, default);
        using Matrix<double> left = FactorRefit.Left(Engine, weight, pair.Right, gram, default);
        Near(0, SquaredNorm(Add(Of(left), Of(pair.Left), -1)), SquaredNorm(Of(pair.Left)), 1e-10);
    }

    [Fact]
    public void A_sweep_of_both_factors_and_new_values_of_the_directions_that_stay_change_nothing_at_the_optimum_and_reach_less_from_elsewhere()
    {
        double[,] w = Random(1, 20, 30), x = Inputs(2, 30, 60), g = Inputs(5, 20, 50);
        using Gram inputs = Gram(x), outputs = Gram(g);
        using Matrix<double> weight = Host(w);
        using WeightedProblem problem = new(Engine, weight, outputs, inputs);
        using WeightedPair pair = problem.Solve(6, SvdOptions.Default, default);
        double Lost(double[,] product) => SquaredNorm(Multiply(Multiply(Transpose(g), Add(w, product, -1)), x));
        double[,] Swept(Matrix<double> right)
        {
            using Matrix<double> left = FactorRefit.Left(Engine, weight, right, inputs, default), again = FactorRefit.Right(Engine, weight, left, outputs, default);
            return Multiply(Of(left), Of(again));
        }
        double[,] best = Multiply(Of(pair.Left), Of(pair.Right));
        double whole = SquaredNorm(Multiply(Multiply(Transpose(g), w), x));
        Near(0, SquaredNorm(Add(Swept(pair.Right), best, -1)), SquaredNorm(best), 1e-9);
        using WeightedProblem plain = new(Engine, weight, null, null);
        using WeightedPair start = plain.Solve(6, SvdOptions.Default, default);
        double before = Lost(Multiply(Of(start.Left), Of(start.Right))), after = Lost(Swept(start.Right));
        Assert.InRange(after, Lost(best) + 1e-9 * whole, before);
        // The loss has no slope along any direction that stays.
        for (int k = 0; k < 6; k++)
        {
            double[,] direction = new double[20, 30];
            for (int i = 0; i < 20; i++)
            {
                for (int j = 0; j < 30; j++)
                    direction[i, j] = pair.Left[i, k] * pair.Right[k, j];
            }
            double size = 1e-4;
            Near(Lost(Add(best, direction, size)), Lost(Add(best, direction, -size)), whole, 1e-9);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_swept_pair_is_the_sweep_of_the_softened_problem_between_its_own_loss_and_the_optimum(bool gradients)
    {
        double[,] w = Random(1, 20, 30), x = Inputs(2, 30, 90), g = gradients ? Inputs(5, 20, 60) : Identity(20);
        double Lost(WeightedPair pair) => SquaredNorm(Multiply(Multiply(Transpose(g), Add(w, Multiply(Of(pair.Left), Of(pair.Right)), -1)), x));
        using Matrix<float> single = Matrix<float>.From(20, 30, [.. w.Cast<double>().Select(v => (float)v)]);
        CalibratedLayer Layer(CalibrationMode mode, LayerCalibration calibration) => new(Engine, single.View, calibration, new CalibrationOptions { Path = "", Mode = mode, Damping = 1e-12 }, default);
        using LayerCalibration calibration = new() { Inputs = new InputGrams(Gram(x)), OutputGradients = gradients ? Gram(g) : null, Magnitudes = new double[30], Count = 1 };
        using CalibratedLayer swept = Layer(CalibrationMode.Swept, calibration), full = Layer(CalibrationMode.Full, calibration);
        using Gram inputs = Gram(x), inputRoot = inputs.Root(Engine, default);
        double[,] root = Of(inputRoot.Dense!);
        Near(0, SquaredNorm(Add(Multiply(root, root), Of(inputs.Dense!), -1)), SquaredNorm(Of(inputs.Dense!)), 1e-12);
        using Gram? outputs = gradients ? Gram(g) : null, outputRoot = outputs?.Root(Engine, default);
        using Matrix<double> weight = Host(w);
        using WeightedProblem softened = new(Engine, weight, outputRoot, inputRoot);
        using WeightedPair start = softened.Solve(5, SvdOptions.Default, default), pair = swept.Solve(5, SvdOptions.Default, default), best = full.Solve(5, SvdOptions.Default, default);
        double whole = SquaredNorm(Multiply(Multiply(Transpose(g), w), x));
        Assert.InRange(Lost(pair), Lost(best) + 1e-6 * whole, Lost(start) - 1e-6 * whole);
        // Its left factor is the least-squares one of some right factor, its right factor that of its left one.
        using Matrix<double> right = FactorRefit.Right(Engine, weight, pair.Left, outputs, default);
        Near(0, SquaredNorm(Add(Of(right), Of(pair.Right), -1)), SquaredNorm(Of(right)), 1e-6);
    }

    private static double[,] Identity(int size)
    {
        double[,] identity = new double[size, size];
        for (int i = 0; i < size; i++)
            identity[i, i] = 1;
        return identity;
    }

    [Fact]
    public void Equal_rows_of_the_given_factor_share_the_work()
    {
        double[,] w = Random(1, 20, 30), x = Inputs(2, 30, 60), a = Random(3, 4, 30);
        for (int j = 0; j < 30; j++)
            (a[1, j], a[3, j]) = (a[0, j], 0);
        double[,] distinct = Random(4, 2, 30);
        for (int j = 0; j < 30; j++)
            (distinct[0, j], distinct[1, j]) = (a[0, j], a[2, j]);
        using Gram gram = Gram(x);
        using Matrix<double> weight = Host(w), four = Host(a), two = Host(distinct);
        using Matrix<double> b = FactorRefit.Left(Engine, weight, four, gram, default), c = FactorRefit.Left(Engine, weight, two, gram, default);
        double norm = SquaredNorm(Multiply(w, x));
        Near(Loss(w, Multiply(Of(c), distinct), x), Loss(w, Multiply(Of(b), a), x), norm, 1e-8);
    }
}
