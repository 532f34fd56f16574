using System.Globalization;
using LowRankTools.Core.Figures;
using LowRankTools.PowerShell.Formatting;

namespace LowRankTools.PowerShell.Tests.Views;

public sealed class DisplayTests
{
    [Fact]
    public void A_long_name_keeps_its_end()
    {
        Assert.Equal("encoder.layer.0.weight", Display.Name("encoder.layer.0.weight", 40));
        string shown = Display.Name(new string('x', 100) + ".attention.weight", 40);
        Assert.InRange(shown.Length, 1, ShortName.Longest);
        Assert.EndsWith(".attention.weight", shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData(0L, "0")]
    [InlineData(999L, "999")]
    [InlineData(45_555_200L, "45,555,200")]
    [InlineData(long.MaxValue, "9,223,372,036,854,775,807")]
    public void Counts_are_grouped(long? count, string text) => Assert.Equal(text, Display.Count(count));

    [Theory]
    [InlineData(null, "")]
    [InlineData(0L, "0 B")]
    [InlineData(1023L, "1023 B")]
    [InlineData(1024L, "1.0 KB")]
    [InlineData(182_220_800L, "173.8 MB")]
    [InlineData(1_048_575L, "1.0 MB")] // not 1024.0 KB
    [InlineData(1L << 40, "1.0 TB")]
    [InlineData(long.MaxValue, "8.0 EB")]
    public void Bytes_have_the_unit_that_reads_best(long? bytes, string text) => Assert.Equal(text, Display.Bytes(bytes));

    [Theory]
    [InlineData(null, null, "")]
    [InlineData(0.2604, null, "0.260")]
    [InlineData(0.2604, 0.0399, "0.260 / 0.040")]
    [InlineData(0.2604, 3.214e-8, "0.260 / 3.21e-08")]
    public void Errors_of_calibrated_layers_come_in_pairs(double? relative, double? calibrated, string text) => Assert.Equal(text, Display.Errors(relative, calibrated));

    [Theory]
    [InlineData(null, "")]
    [InlineData(31.24e-6, "31.2 us")]
    [InlineData(0.9996e-3, "1.00 ms")]
    [InlineData(4.184e-3, "4.18 ms")]
    [InlineData(0.99951, "1.00 s")]
    [InlineData(123.4, "123 s")]
    public void Durations_have_three_digits_and_a_unit(double? seconds, string text) => Assert.Equal(text, Display.Duration(seconds));

    [Theory]
    [InlineData(null, "")]
    [InlineData(0.0, "0")]
    [InlineData(0.59034, "0.590")]
    [InlineData(3.21e-8, "3.21e-08")]
    [InlineData(12345.0, "1.23e+04")]
    [InlineData(double.PositiveInfinity, "Infinity")]
    [InlineData(double.NaN, "NaN")]
    public void Errors_keep_three_digits(double? error, string text) => Assert.Equal(text, Display.Error(error));

    [Theory]
    [InlineData(null, "")]
    [InlineData(0.2203, "22.0 %")]
    [InlineData(1.0, "100.0 %")]
    public void Shares_are_percentages(double? share, string text) => Assert.Equal(text, Display.Percent(share));

    [Fact]
    public void Totals_are_aligned_with_the_largest_first()
    {
        Assert.Equal("Linear  4,096\nBias       96", Display.Totals(new Dictionary<string, long> { ["Bias"] = 96, ["Linear"] = 4096 }));
    }

    [Fact]
    public void Every_culture_sees_the_same_text()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberGroupSeparator = ".";
            other.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = other;
            Assert.Equal(["1,234", "1.5 KB", "0.123", "50.0 %", "1.25 s"],
                (string[])[Display.Count(1234), Display.Bytes(1536), Display.Error(0.1234), Display.Percent(0.5), Display.Seconds(1.25)]);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
