using LowRankTools.Core.Calibration;
using LowRankTools.Core.Resizing;
using LowRankTools.Numerics.Matrices;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>Which hidden units stay, and the weight that reads them, by their definitions.</summary>
public sealed class HiddenUnitsTests
{
    private const int Outputs = 5, Count = 12;

    [Fact]
    public void The_weight_over_the_units_that_stay_is_the_least_squares_fit()
    {
        double[,] w = Random(1, Outputs, Count), x = Inputs(2, Count, 40), c = Multiply(x, Transpose(x));
        int[] units = [0, 3, 4, 9];
        using Matrix<double> weight = Host(w), gram = Host(c), fitted = new HiddenUnits(Engine, gram, default).Fit(weight, units);
        // What is left over has nothing in common with any unit that stays.
        double[,] rest = Multiply(Add(w, Spread(Of(fitted), units), -1), c);
        double size = Math.Sqrt(SquaredNorm(Multiply(w, c)));
        Assert.All(units, u => Assert.All(Enumerable.Range(0, Outputs), i => Assert.InRange(Math.Abs(rest[i, u]), 0, 1e-9 * size)));
        Assert.True(Math.Sqrt(SquaredNorm(rest)) > 1e-3 * size, "nothing is left over: the fit shows nothing");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_unit_that_goes_is_the_one_whose_loss_is_the_least_of_all(bool weighted)
    {
        for (int seed = 0; seed < 10; seed++)
        {
            double[,] w = Random(seed, Outputs, Count), x = Inputs(seed + 50, Count, 40), c = Multiply(x, Transpose(x));
            double[,] g = Inputs(seed + 90, Outputs, 20), h = Multiply(g, Transpose(g));
            using Matrix<double> weight = Host(w), gram = Host(c);
            using Gram outputs = Gram(g);
            HiddenUnits hidden = new(Engine, gram, default);
            int[] chosen = [.. Enumerable.Range(0, Count)];
            for (int kept = Count - 1; kept > 2; kept--)
            {
                int[] best = chosen.Select(gone => chosen.Where(u => u != gone).ToArray()).MinBy(units => Loss(hidden, weight, w, c, weighted ? h : null, units))!;
                chosen = hidden.ByElimination(weight, weighted ? outputs : null, kept);
                Assert.Equal(best, chosen);
            }
        }
    }

    [Fact]
    public void Leverage_is_how_much_of_a_unit_the_ridge_leaves()
    {
        double[,] x = Inputs(3, Count, 40), c = Multiply(x, Transpose(x));
        using Matrix<double> gram = Host(c);
        double ridge = Enumerable.Range(0, Count).Sum(i => c[i, i]) / Count;
        double[,] regular = (double[,])c.Clone();
        for (int i = 0; i < Count; i++)
            regular[i, i] += ridge;
        double[] scores = [.. Enumerable.Range(0, Count).Select(i => Solve(regular, i).Select((v, j) => v * c[i, j]).Sum())];
        Assert.Equal(scores.Select((s, i) => (s, i)).OrderByDescending(p => p.s).Take(4).Select(p => p.i).Order(), new HiddenUnits(Engine, gram, default).ByLeverage(4));
    }

    /// <summary>tr(H D C D^T) for the error D of the best weight over some units.</summary>
    private static double Loss(HiddenUnits hidden, Matrix<double> weight, double[,] w, double[,] c, double[,]? h, int[] units)
    {
        using Matrix<double> fitted = hidden.Fit(weight, units);
        double[,] d = Add(w, Spread(Of(fitted), units), -1), product = Multiply(Multiply(d, c), Transpose(d));
        if (h is not null)
            product = Multiply(h, product);
        return Enumerable.Range(0, Outputs).Sum(i => product[i, i]);
    }

    private static double[,] Spread(double[,] fitted, int[] units)
    {
        double[,] all = new double[fitted.GetLength(0), Count];
        for (int i = 0; i < fitted.GetLength(0); i++)
        {
            for (int j = 0; j < units.Length; j++)
                all[i, units[j]] = fitted[i, j];
        }
        return all;
    }

    /// <summary>Column k of the inverse, by elimination.</summary>
    private static double[] Solve(double[,] matrix, int k)
    {
        int n = matrix.GetLength(0);
        double[,] a = (double[,])matrix.Clone();
        double[] b = new double[n];
        b[k] = 1;
        for (int p = 0; p < n; p++)
        {
            for (int i = 0; i < n; i++)
            {
                if (i == p)
                    continue;
                double factor = a[i, p] / a[p, p];
                for (int j = p; j < n; j++)
                    a[i, j] -= factor * a[p, j];
                b[i] -= factor * b[p];
            }
        }
        return [.. b.Select((v, i) => v / a[i, i])];
    }
}
