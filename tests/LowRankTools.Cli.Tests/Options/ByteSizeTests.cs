using LowRankTools.Cli.Options;

namespace LowRankTools.Cli.Tests.Options;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("1", 1)]
    [InlineData("5368709120", 5_368_709_120)]
    [InlineData("5GB", 5_368_709_120)]
    [InlineData("500mb", 524_288_000)]
    [InlineData("1.5 kB", 1536)]
    [InlineData("2GiB", 2_147_483_648)]
    [InlineData("7B", 7)]
    public void Sizes_are_read_as_people_write_them(string text, long expected)
    {
        Assert.True(ByteSize.TryParse(text, out long bytes));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("-1GB")]
    [InlineData("0")]
    [InlineData("0.1")]
    [InlineData("1e9")]
    [InlineData("5 apples")]
    [InlineData("99999999999TB")]
    public void Anything_else_is_no_size(string text) => Assert.False(ByteSize.TryParse(text, out _));
}
