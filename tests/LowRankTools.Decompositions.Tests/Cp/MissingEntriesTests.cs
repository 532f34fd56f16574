using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Expressions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

/// <summary>CP of tensors of which entries are missing.</summary>
public sealed class MissingEntriesTests
{
    public static TheoryData<string, double> Shares => new() { { "Cp", 0.05 }, { "Cp", 0.3 }, { "Cp", 0.5 }, { "NonNegativeCp", 0.3 } };

    [Theory]
    [MemberData(nameof(Shares))]
    public void What_is_missing_is_found_again_from_what_is_known(string method, double share)
    {
        using Tensor whole = Planted(method == "NonNegativeCp"), holes = WithHoles(whole, share, out int missing);
        Assert.InRange(missing, 0.8 * share * whole.Length, 1.2 * share * whole.Length);
        DecompositionOptions options = new() { Ranks = [3], MissingAsNaN = true, MaxIterations = 3000, Rest = 1e-12, Starts = 2 };
        using Decomposition cp = DecompositionMethods.Find(method).Decompose(holes, options);
        using Tensor dense = cp.ToDense();
        Assert.InRange(TestTensors.Distance(whole, dense), 0, 1e-4);
        // The error says what the known entries are missed by, to which the others do not count.
        double norm = 0, difference = 0;
        for (int i = 0; i < whole.Length; i++)
        {
            if (double.IsNaN(holes.Values[i]))
                continue;
            norm += whole.Values[i] * whole.Values[i];
            difference += Math.Pow(whole.Values[i] - dense.Values[i], 2);
        }
        Assert.Equal(Math.Sqrt(difference / norm), cp.RelativeError, 1e-12);
        // Without telling the same holes are an error.
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => DecompositionMethods.Find(method).Decompose(holes, options with { MissingAsNaN = false })).ErrorId);
    }

    [Fact]
    public void No_turn_makes_the_error_over_the_known_entries_larger()
    {
        using Tensor noisy = TestTensors.Smooth(3, 0.1, 9, 10, 11), holes = WithHoles(noisy, 0.2, out _);
        using CpTensor cp = (CpTensor)DecompositionMethods.Find("Cp").Decompose(holes, new DecompositionOptions { Ranks = [3], MissingAsNaN = true, MaxIterations = 120, Rest = 0 });
        for (int i = 1; i < cp.Errors.Count; i++)
            Assert.InRange(cp.Errors[i], 0, cp.Errors[i - 1] + 1e-12);
        Assert.Equal(cp.Errors[^1], cp.RelativeError, 1e-9);
    }

    [Fact]
    public void Where_nothing_is_missing_it_is_plain_least_squares_and_a_seed_gives_the_same_bits()
    {
        DecompositionMethod method = DecompositionMethods.Find("Cp");
        using Tensor whole = Planted(false), holes = WithHoles(whole, 0.2, out _);
        using Decomposition plain = method.Decompose(whole, With(false, 1)), told = method.Decompose(whole, With(true, 1)), one = method.Decompose(holes, With(true, 1)), four = method.Decompose(holes, With(true, 4));
        Assert.Equal(Entries(plain), Entries(told));
        Assert.Equal(Entries(one), Entries(four));
        static DecompositionOptions With(bool missing, int threads) => new() { Ranks = [3], MissingAsNaN = missing, MaxIterations = 30, Compute = new ComputeOptions { ThreadCount = threads, Seed = 4 } };
        static double[] Entries(Decomposition cp) => [.. cp.Factors.SelectMany(f => f.Values.Values.ToArray())];
    }

    [Fact]
    public void Methods_that_need_all_entries_infinities_and_nothing_at_all_are_refused()
    {
        using Tensor holes = new(3, 3, 3), nothing = new(2, 2, 2);
        holes.Values[4] = double.NaN;
        nothing.Values.Fill(double.NaN);
        DecompositionOptions options = new() { Ranks = [2], MissingAsNaN = true };
        Assert.All(new[] { "Tucker", "TensorTrain", "RandomizedCp", "Rescal", "ijr,kr->ijk" }, name =>
            Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => Method(name).Decompose(holes, options)).ErrorId));
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => DecompositionMethods.Find("Cp").Decompose(nothing, options)).ErrorId);
        holes.Values[5] = double.PositiveInfinity;
        Assert.Equal("NonFiniteValues", Assert.Throws<LowRankToolsException>(() => DecompositionMethods.Find("Cp").Decompose(holes, options)).ErrorId);
    }

    private static DecompositionMethod Method(string name) => name.Contains("->", StringComparison.Ordinal) ? new ExpressionMethod(TensorExpression.Parse(name)) : DecompositionMethods.Find(name);

    private static Tensor Planted(bool nonNegative)
    {
        List<Matrix<double>> planted = [.. new[] { 12, 13, 14 }.Select((n, k) => TestTensors.GaussianMatrix((ulong)(170 + k), n, 3))];
        foreach (Matrix<double> matrix in planted.Where(_ => nonNegative))
        {
            foreach (ref double value in matrix.RowBlock(0, matrix.Rows))
                value = Math.Abs(value);
        }
        Tensor tensor = CpProducts.Dense(planted, null, default);
        planted.ForEach(m => m.Dispose());
        return tensor;
    }

    private static Tensor WithHoles(Tensor whole, double share, out int missing)
    {
        Tensor holes = whole.Copy();
        DeterministicRandom random = new(77);
        missing = 0;
        foreach (ref double value in holes.Values)
        {
            if (random.NextDouble() >= share)
                continue;
            value = double.NaN;
            missing++;
        }
        return holes;
    }
}
