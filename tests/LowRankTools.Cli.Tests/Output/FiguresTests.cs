using LowRankTools.Cli.Output;


namespace LowRankTools.Cli.Tests.Output;

public sealed class FiguresTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1024, "1.0 KB")]
    [InlineData(1_048_524, "1023.9 KB")]
    [InlineData(1_048_525, "1.0 MB")]
    [InlineData(182_220_800, "173.8 MB")]
    [InlineData(long.MaxValue, "8.0 EB")]
    public void Bytes_have_three_digits_and_a_unit(long bytes, string expected) => Assert.Equal(expected, Figures.Bytes(bytes));

    [Fact]
    public void Numbers_that_are_none_do_not_crash()
    {
        Assert.Equal("", Figures.Small(null));
        Assert.Equal("NaN", Figures.Small(double.NaN));
        Assert.Equal("Infinity", Figures.Small(double.PositiveInfinity));
        Assert.Equal("0", Figures.Small(0));
        Assert.Equal("", Figures.Seconds(null));
    }

    [Theory]
    [InlineData(31.24e-6, "31.2 us")]
    [InlineData(0.9996e-3, "1.00 ms")]
    [InlineData(4.184e-3, "4.18 ms")]
    [InlineData(0.99951, "1.00 s")]
    [InlineData(123.4, "123 s")]
    public void Durations_have_three_digits_and_a_unit(double seconds, string expected) => Assert.Equal(expected, Figures.Duration(seconds));

    [Fact]
    public void Counts_and_shares_are_readable()
    {
        Assert.Equal("45,555,200", Figures.Count(45_555_200));
        Assert.Equal("22.0 %", Figures.Percent(0.2203));
        Assert.Equal("1 layer", Figures.Plural(1, "layer"));
        Assert.Equal("2 layers", Figures.Plural(2, "layer"));
    }
}
