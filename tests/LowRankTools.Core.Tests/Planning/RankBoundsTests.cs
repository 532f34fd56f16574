using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Tests.Planning;

public sealed class RankBoundsTests
{
    public static TheoryData<long, long> Shapes()
    {
        TheoryData<long, long> shapes = [];
        foreach (long m in new long[] { 1, 2, 3, 7, 64, 511, 768, 4096, 30522 })
        {
            foreach (long n in new long[] { 1, 2, 5, 64, 512, 3072, 11008 })
                shapes.Add(m, n);
        }
        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_break_even_rank_is_the_largest_that_pays(long m, long n)
    {
        long rank = RankBounds.BreakEven(m, n);
        Assert.True(RankBounds.PairParameters(m, n, rank) < m * n);
        Assert.True(RankBounds.PairParameters(m, n, rank + 1) >= m * n);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_kept_ratio_is_the_largest_rank_under_it(long m, long n)
    {
        foreach (double ratio in new[] { 0.1, 0.25, 0.5, 0.8, 0.95 })
        {
            long rank = RankBounds.ForKeepRatio(m, n, ratio);
            Assert.True(rank == 1 || RankBounds.PairParameters(m, n, rank) <= ratio * m * n * (1 + 1e-9));
            Assert.True(RankBounds.PairParameters(m, n, rank + 1) > ratio * m * n);
        }
    }

    [Theory]
    [InlineData(4096, 4096, 1.0 / 3, 682)]
    [InlineData(4096, 4096, 0.8, 1638)]
    [InlineData(4096, 11008, 0.8, 2388)]
    public void Published_ranks_come_out(long m, long n, double ratio, long rank) =>
        Assert.Equal(rank, RankBounds.ForKeepRatio(m, n, ratio));

    [Fact]
    public void A_break_even_rank_does_not_overflow() =>
        Assert.Equal(int.MaxValue / 2, RankBounds.BreakEven(int.MaxValue, int.MaxValue));
}
