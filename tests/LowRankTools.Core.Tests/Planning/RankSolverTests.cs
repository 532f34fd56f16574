using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

public sealed class RankSolverTests
{
    private const double Rounding = 1e-10;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void No_choice_within_the_budget_loses_less(int seed)
    {
        Random random = new(seed);
        for (int trial = 0; trial < 1500; trial++)
        {
            RankChoices[] layers = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Layer(random, most: 14))];
            long least = layers.Sum(l => l.Cost(0)), most = layers.Sum(l => l.Cost(l.Count - 1));
            long budget = least + random.NextInt64(most - least + 3);
            RankSolution solution = RankSolver.Solve(layers, budget);
            double best = BruteForce(layers, budget, 0);
            double scale = layers.Sum(l => l.Loss(0)) + 1e-300;
            Assert.True(solution.IsProvenOptimal);
            Assert.InRange(solution.Cost, least, budget);
            Assert.Equal(solution.Cost, layers.Select((l, i) => l.Cost(solution.Choices[i])).Sum());
            Assert.InRange(solution.Loss, best - Rounding * scale, best + Rounding * scale);
            Assert.True(solution.LowerBound <= best + Rounding * scale);
        }
    }

    [Fact]
    public void Many_layers_are_proven_or_lie_within_the_bound_that_is_reported()
    {
        Random random = new(5);
        RankChoices[] layers = [.. Enumerable.Range(0, 400).Select(_ => Layer(random, most: 300))];
        long least = layers.Sum(l => l.Cost(0)), most = layers.Sum(l => l.Cost(l.Count - 1));
        foreach (double share in new[] { 0.1, 0.5, 0.9 })
        {
            long budget = least + (long)(share * (most - least));
            RankSolution solution = RankSolver.Solve(layers, budget);
            Assert.InRange(solution.Cost, least, budget);
            Assert.Equal(solution.Loss - solution.LowerBound, solution.DualGap, 12);
            Assert.True(solution.IsProvenOptimal || solution.DualGap <= 1e-3 * solution.Loss);
        }
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void Layers_that_are_alike_share_the_budget_though_their_prices_are_the_same(double share)
    {
        double[] values = [.. Enumerable.Range(1, 64).Select(i => 1 / Math.Sqrt(i))];
        RankChoices[] layers = [.. Enumerable.Repeat(RankChoices.Create(64, 64, values), 500)];
        long least = layers.Sum(l => l.Cost(0)), most = layers.Sum(l => l.Cost(l.Count - 1));
        RankSolution solution = RankSolver.Solve(layers, least + (long)(share * (most - least)));
        Assert.True(solution.DualGap <= 2 * layers[0].Loss(0));
    }

    [Fact]
    public void More_parameters_never_lose_more()
    {
        Random random = new(6);
        RankChoices[] layers = [.. Enumerable.Range(0, 20).Select(_ => Layer(random, most: 60))];
        long least = layers.Sum(l => l.Cost(0)), most = layers.Sum(l => l.Cost(l.Count - 1));
        double[] losses = [.. Enumerable.Range(0, 60).Select(i => RankSolver.Solve(layers, least + (most - least) * i / 59).Loss)];
        Assert.All(losses.Skip(1).Select((l, i) => (Before: losses[i], After: l)), l => Assert.True(l.After <= l.Before * (1 + Rounding)));
        Assert.Equal(layers.Sum(l => Enumerable.Range(0, l.Count).Min(l.Loss)), losses[^1], 9);
    }

    [Fact]
    public void Three_times_fewer_parameters_in_the_seeds_layers_are_ranks_of_two()
    {
        (long M, long N)[] shapes = [(10, 30), (10, 5), (10, 5), (10, 20)];
        double[] values = [4, 3, 2, 1, 0.5];
        RankChoices[] layers = [.. shapes.Select(s => RankChoices.Create(s.M, s.N, values, minRank: 2, allowDense: false))];
        RankSolution solution = RankSolver.Solve(layers, 600 / 3);
        Assert.Equal([2, 2, 2, 2], solution.Choices.Select((c, i) => layers[i].Rank(c)));
        Assert.Equal(200, solution.Cost);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 1)]
    [InlineData(3, 8)]
    [InlineData(9, 4)]
    public void Ranks_keep_to_the_minimum_the_multiple_and_the_break_even(int minRank, int multiple)
    {
        double[] values = [.. Enumerable.Range(0, 96).Select(i => 96.0 - i)];
        RankChoices layer = RankChoices.Create(128, 96, values, minRank: minRank, multiple: multiple);
        int[] ranks = [.. Enumerable.Range(0, layer.Count - 1).Select(c => layer.Rank(c)!.Value)];
        Assert.Equal(Enumerable.Range(minRank, (int)RankBounds.BreakEven(128, 96) - minRank + 1).Where(r => r % multiple == 0), ranks);
        for (int c = 0; c < ranks.Length; c++)
        {
            Assert.Equal(RankBounds.PairParameters(128, 96, ranks[c]), layer.Cost(c));
            Assert.Equal(values.Skip(ranks[c]).Sum(v => v * v), layer.Loss(c), 6);
        }
        Assert.Null(layer.Rank(ranks.Length));
        Assert.Equal((128 * 96, 0), (layer.Cost(ranks.Length), layer.Loss(ranks.Length)));
    }

    [Fact]
    public void A_budget_below_the_smallest_ranks_is_refused_and_the_next_one_is_not()
    {
        RankChoices layer = RankChoices.Create(10, 30, [3, 2, 1], minRank: 2);
        Assert.Equal(CoreErrors.BudgetTooSmall, Assert.Throws<LowRankToolsException>(() => RankSolver.Solve([layer], 79)).ErrorId);
        Assert.Equal(80, RankSolver.Solve([layer], 80).Cost);
    }

    [Fact]
    public void No_layers_need_nothing() => Assert.Equal(0, RankSolver.Solve([], 0).Cost);

    [Theory]
    [InlineData(1.0, 2.0)]
    [InlineData(double.NaN, 1.0)]
    [InlineData(double.PositiveInfinity, 1.0)]
    [InlineData(1.0, -1.0)]
    public void Values_that_are_no_spectrum_are_refused(double first, double second) =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => RankChoices.Create(9, 9, [first, second])).ErrorId);

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Whatever_the_unit_of_cost_no_choice_within_the_budget_loses_less(int seed)
    {
        Random random = new(seed);
        for (int trial = 0; trial < 1000; trial++)
        {
            RankChoices[] layers = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => CostedLayer(random))];
            long least = layers.Sum(Least), most = layers.Sum(l => Enumerable.Range(0, l.Count).Max(l.Cost));
            long budget = least + random.NextInt64(most - least + 3);
            RankSolution solution = RankSolver.Solve(layers, budget);
            double best = BruteForce(layers, budget, 0);
            double scale = layers.Sum(l => l.Loss(0)) + 1e-300;
            Assert.True(solution.IsProvenOptimal);
            Assert.InRange(solution.Cost, least, budget);
            Assert.InRange(solution.Loss, best - Rounding * scale, best + Rounding * scale);
            Assert.True(solution.LowerBound <= best + Rounding * scale);
        }

        static long Least(RankChoices layer) => layer.Cost(0);
    }

    /// <summary>Bytes of mixed types, times with a fixed part, layers that are decided already.</summary>
    private static RankChoices CostedLayer(Random random)
    {
        int m = random.Next(1, 14), n = random.Next(1, 14);
        RankCost cost = new(random.Next(1, 60), random.Next(3) == 0 ? random.Next(40) : 0, random.Next(1, 4) * (long)m * n);
        double[] values = [.. Enumerable.Range(1, Math.Min(m, n)).Select(_ => random.NextDouble()).OrderDescending()];
        if (random.Next(5) > 0)
            return RankChoices.Create(m, n, values, random.NextDouble(), random.Next(1, 4), random.Next(1, 4), random.Next(3) > 0, cost);
        int? rank = random.Next(2) == 0 ? null : random.Next(1, Math.Min(m, n) + 1);
        return RankChoices.Only(rank, cost, rank is null ? 0 : values.Skip(rank.Value).Sum(v => v * v));
    }

    private static RankChoices Layer(Random random, int most)
    {
        int m = random.Next(1, most), n = random.Next(1, most);
        double decay = random.NextDouble() * 2;
        // Flat, falling, cut off and tied spectra.
        double[] values = [.. Enumerable.Range(1, random.Next(0, Math.Min(m, n) + 1)).Select(i => random.Next(3) == 0 ? Math.Ceiling(9 / Math.Pow(i, decay)) : 9 * random.NextDouble() / Math.Pow(i, decay)).OrderDescending()];
        return RankChoices.Create(m, n, values, weight: random.Next(4) == 0 ? 1 : random.NextDouble(), minRank: random.Next(1, 4), multiple: random.Next(1, 4), allowDense: random.Next(3) > 0);
    }

    private static double BruteForce(ReadOnlySpan<RankChoices> layers, long budget, double loss)
    {
        if (layers.IsEmpty)
            return loss;
        double best = double.PositiveInfinity;
        for (int c = 0; c < layers[0].Count && layers[0].Cost(c) <= budget; c++)
            best = Math.Min(best, BruteForce(layers[1..], budget - layers[0].Cost(c), loss + layers[0].Loss(c)));
        return best;
    }
}
