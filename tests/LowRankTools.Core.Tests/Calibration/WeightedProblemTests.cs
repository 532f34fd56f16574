using LowRankTools.Core.Calibration;
using LowRankTools.Core.Records;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>The theorems of weighted truncation, against plain loops over the inputs themselves.</summary>
public sealed class WeightedProblemTests
{
    public static TheoryData<int, int, int, int> Cases()
    {
        TheoryData<int, int, int, int> data = [];
        foreach ((int outputs, int inputs) in new[] { (1, 1), (1, 9), (9, 1), (12, 12), (30, 11), (11, 30), (64, 40), (40, 100) })
        {
            foreach (int rank in new[] { 1, 2, 5, 8, 11, 40 }.Where(r => r <= Math.Min(outputs, inputs)))
            {
                foreach (int seed in new[] { 1, 2 })
                    data.Add(outputs, inputs, rank, seed);
            }
        }
        return data;
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_discarded_values_are_the_loss_on_the_inputs(int outputs, int inputs, int rank, int seed)
    {
        double[,] w = Random(seed, outputs, inputs), x = Inputs(seed + 10, inputs, 3 * inputs);
        using Gram gram = Gram(x);
        (double[,] approximation, double[] values) = Solve(w, null, gram, rank);
        double norm = SquaredNorm(Multiply(w, x));
        Near(norm, values.Sum(s => s * s), norm);
        Near(values.Skip(rank).Sum(s => s * s), Loss(w, approximation, x), norm);
    }

    [Theory, MemberData(nameof(Cases))]
    public void No_truncation_without_the_inputs_loses_less_on_them(int outputs, int inputs, int rank, int seed)
    {
        double[,] w = Random(seed, outputs, inputs), x = Inputs(seed + 20, inputs, 3 * inputs);
        using Gram gram = Gram(x);
        double whitened = Loss(w, Solve(w, null, gram, rank).Approximation, x), plain = Loss(w, Solve(w, null, null, rank).Approximation, x);
        double scaled = Loss(w, Solve(w, null, LowRankTools.Core.Calibration.Gram.Of([.. Enumerable.Range(0, inputs).Select(gram.Entry)]), rank).Approximation, x);
        double rounding = 1e-9 * SquaredNorm(Multiply(w, x));
        Assert.InRange(whitened, 0, plain + rounding);
        Assert.InRange(whitened, 0, scaled + rounding);
        // These inputs are far from white: the three are not the same thing by accident.
        if (outputs >= 12 && inputs >= 12 && rank <= 8)
            Assert.True(whitened < 0.97 * plain, $"{whitened} against {plain}");
    }

    [Theory, MemberData(nameof(Cases))]
    public void White_inputs_give_the_plain_truncation(int outputs, int inputs, int rank, int seed)
    {
        double[,] w = Random(seed, outputs, inputs), white = new double[inputs, inputs];
        for (int i = 0; i < inputs; i++)
            white[i, i] = 3;
        using Gram gram = Gram(white);
        (double[,] whitened, double[] values) = Solve(w, null, gram, rank);
        (double[,] plain, double[] plainValues) = Solve(w, null, null, rank);
        Near(0, SquaredNorm(Add(whitened, plain, -1)), SquaredNorm(w), 1e-10);
        for (int k = 0; k < values.Length; k++)
            Near(3 * plainValues[k], values[k], values[0], 1e-7);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Two_sided_truncation_discards_what_it_loses_and_beats_every_competitor(int outputs, int inputs, int rank, int seed)
    {
        double[,] w = Random(seed, outputs, inputs), x = Inputs(seed + 30, inputs, 2 * inputs), g = Inputs(seed + 40, outputs, 2 * outputs);
        using Gram right = Gram(x), left = Gram(g);
        double Weighted(double[,] approximation) => SquaredNorm(Multiply(Transpose(g), Multiply(Add(w, approximation, -1), x)));
        (double[,] best, double[] values) = Solve(w, left, right, rank);
        double norm = Weighted(new double[outputs, inputs]), loss = Weighted(best);
        Near(values.Skip(rank).Sum(s => s * s), loss, norm);
        double limit = loss - 1e-9 * norm;
        Assert.True(Weighted(Solve(w, null, right, rank).Approximation) >= limit);
        Assert.True(Weighted(Solve(w, null, null, rank).Approximation) >= limit);
        for (int competitor = 0; competitor < 20; competitor++)
        {
            double[,] b = Random(1000 + competitor, outputs, rank), a = Random(2000 + competitor, rank, inputs);
            Assert.True(Weighted(Multiply(b, a)) >= limit);
            // Near the optimum too: its own factors, pushed in a random direction.
            using Matrix<double> weight = Host(w);
            using WeightedProblem problem = new(Engine, weight, left, right);
            using WeightedPair pair = problem.Solve(rank, SvdOptions.Default, default);
            pair.Split(FactorSplit.Balanced);
            double step = Math.Pow(10, -1 - competitor % 5);
            Assert.True(Weighted(Multiply(Add(Of(pair.Left), b, step), Add(Of(pair.Right), a, step))) >= limit);
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_diagonal_Gram_and_the_same_as_a_matrix_agree(int outputs, int inputs, int rank, int seed)
    {
        double[,] w = Random(seed, outputs, inputs), h = Inputs(seed + 50, outputs, outputs), x = new double[inputs, inputs];
        for (int i = 0; i < inputs; i++)
            x[i, i] = 1 + i % 7;
        using Gram whole = Gram(x), diagonal = LowRankTools.Core.Calibration.Gram.Of([.. Enumerable.Range(0, inputs).Select(whole.Entry)]), left = Gram(h);
        foreach (Gram? output in new[] { null, left })
        {
            double[,] expected = Solve(w, output, whole, rank).Approximation, actual = Solve(w, output, diagonal, rank).Approximation;
            Near(0, SquaredNorm(Add(expected, actual, -1)), SquaredNorm(w), 1e-9);
        }
    }

    [Theory]
    [InlineData(20, 30, 4)]
    [InlineData(30, 20, 4)]
    [InlineData(24, 24, 10)]
    public void Fewer_tokens_than_inputs_are_no_trouble(int outputs, int inputs, int tokens)
    {
        double[,] w = Random(1, outputs, inputs), x = Inputs(2, inputs, tokens);
        using Gram gram = Gram(x), damped = gram.Plus(gram.Ridge(1e-6));
        double norm = SquaredNorm(Multiply(w, x));
        for (int rank = 1; rank <= tokens + 3; rank++)
        {
            (double[,] approximation, _) = Solve(w, null, damped, rank);
            double optimum = Solve(w, null, gram, rank).Values.Skip(rank).Sum(s => s * s);
            Assert.All(approximation.Cast<double>(), v => Assert.True(double.IsFinite(v)));
            Near(optimum, Loss(w, approximation, x), norm, 1e-5);
        }
        // What the tokens leave of the rank goes to the weight itself: closer to it than what the tokens alone ask for.
        double[,] more = Solve(w, null, damped, tokens + 3).Approximation, fewer = Solve(w, null, damped, tokens).Approximation;
        Assert.True(SquaredNorm(Add(w, more, -1)) < SquaredNorm(Add(w, fewer, -1)));
    }

    [Fact]
    public void The_problem_of_the_transpose_is_the_transposed_solution()
    {
        double[,] w = Random(1, 18, 31), x = Inputs(2, 31, 50), g = Inputs(3, 18, 50);
        using Gram right = Gram(x), left = Gram(g);
        double[,] straight = Solve(w, left, right, 6).Approximation, turned = Solve(Transpose(w), right, left, 6).Approximation;
        Near(0, SquaredNorm(Add(straight, Transpose(turned), -1)), SquaredNorm(w), 1e-16);
    }

    [Theory]
    [InlineData(FactorSplit.Balanced)]
    [InlineData(FactorSplit.Left)]
    [InlineData(FactorSplit.Right)]
    public void A_split_changes_lengths_and_not_the_product(FactorSplit split)
    {
        double[,] w = Random(1, 18, 31), x = Inputs(2, 31, 50);
        using Gram gram = Gram(x);
        using Matrix<double> weight = Host(w);
        using WeightedProblem problem = new(Engine, weight, null, gram);
        using WeightedPair pair = problem.Solve(6, SvdOptions.Default, default);
        double[,] before = Product(pair);
        pair.Split(split);
        Near(0, SquaredNorm(Add(before, Product(pair), -1)), SquaredNorm(w), 1e-24);
        for (int k = 0; k < 6; k++)
        {
            double left = Enumerable.Range(0, 18).Sum(i => pair.Left[i, k] * pair.Left[i, k]), right = pair.Right.Row(k).ToArray().Sum(v => v * v);
            Near(1, split switch { FactorSplit.Left => right, FactorSplit.Right => left, _ => left / right }, 1, 1e-12);
        }
    }

    [Fact]
    public void Inputs_that_are_all_zero_leave_the_plain_truncation()
    {
        double[,] w = Random(1, 10, 12);
        using Gram none = Gram(new double[12, 5]), damped = none.Plus(none.Ridge(1e-6));
        Near(0, SquaredNorm(Add(Solve(w, null, damped, 3).Approximation, Solve(w, null, null, 3).Approximation, -1)), SquaredNorm(w), 1e-10);
    }
}
