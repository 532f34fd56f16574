using LowRankTools.Core.Tokens;

namespace LowRankTools.Core.Tests.Tokens;

/// <summary>Sequences in groups of like length.</summary>
public sealed class TokenBatchesTests
{
    [Theory]
    [InlineData(64, 60)]
    [InlineData(200, 300)]
    [InlineData(1, 9)]
    [InlineData(400, 2)]
    public void Groups_hold_every_sequence_once_and_little_fill(int count, int longest)
    {
        Random random = new(count);
        TokenSequence[] sequences = [.. Enumerable.Range(0, count).Select(i => new TokenSequence(i, new int[1 + random.Next(longest)]))];
        IReadOnlyList<TokenSequence>[] groups = [.. TokenBatches.OfLikeLength(sequences)];
        Assert.Equal(Enumerable.Range(0, count), groups.SelectMany(g => g).Select(s => s.Line).Order());
        Assert.All(groups, group =>
        {
            int own = group.Sum(s => s.Ids.Length);
            Assert.InRange(TokenBatches.Of(group).TokenCount - own, 0, Math.Max(256, own / 8));
        });
    }

    [Fact]
    public void Long_sequences_do_not_run_at_once()
    {
        TokenSequence[] sequences = [.. Enumerable.Range(0, 64).Select(i => new TokenSequence(i, new int[512]))];
        Assert.All(TokenBatches.OfLikeLength(sequences), group => Assert.InRange(TokenBatches.Of(group).TokenCount, 1, 2048));
    }
}
