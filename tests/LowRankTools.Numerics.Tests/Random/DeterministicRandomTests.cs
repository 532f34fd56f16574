using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Numerics.Tests;

public sealed class DeterministicRandomTests
{
    [Fact]
    public void Parts_equal_the_whole()
    {
        double[] whole = new double[101], part = new double[40];
        new DeterministicRandom(3).FillGaussian<double>(whole);
        new DeterministicRandom(3).FillGaussian<double>(part, 20);
        Assert.Equal(whole.Skip(20).Take(40), part);
    }

    [Fact]
    public void Gaussian_numbers_have_mean_zero_and_variance_one()
    {
        double[] values = new double[200_000];
        new DeterministicRandom(4).FillGaussian<double>(values);
        Assert.InRange(values.Average(), -0.01, 0.01);
        Assert.InRange(values.Average(x => x * x), 0.98, 1.02);
        Assert.InRange(values.Average(x => x * x * x * x), 2.9, 3.1);
    }

    [Fact]
    public void Seeds_give_different_numbers_and_the_same_seed_the_same()
    {
        Assert.Equal(new DeterministicRandom(1).BitsAt(5), new DeterministicRandom(1).BitsAt(5));
        Assert.NotEqual(new DeterministicRandom(1).BitsAt(5), new DeterministicRandom(2).BitsAt(5));
        Assert.NotEqual(new DeterministicRandom(1).BitsAt(5), new DeterministicRandom(1).BitsAt(6));
    }

    [Fact]
    public void Integers_stay_below_their_limit_and_reach_every_value()
    {
        var random = new DeterministicRandom(9);
        Assert.Equal(Enumerable.Range(0, 7), Enumerable.Range(0, 1000).Select(_ => random.Next(7)).Distinct().Order());
    }

    [Fact]
    public void Signs_are_balanced_and_differ_by_seed()
    {
        float[] one = new float[10_001], two = new float[10_001];
        new DeterministicRandom(1).FillSigns<float>(one);
        new DeterministicRandom(2).FillSigns<float>(two);
        Assert.All(one, value => Assert.Equal(1, Math.Abs(value)));
        Assert.InRange(one.Average(), -0.05, 0.05);
        Assert.InRange(one.Zip(two, (x, y) => x * y).Average(), -0.05, 0.05);
    }
}
