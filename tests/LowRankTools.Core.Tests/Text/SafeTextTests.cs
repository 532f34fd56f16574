using LowRankTools.Core.Text;

namespace LowRankTools.Core.Tests.Text;

public sealed class SafeTextTests
{
    [Theory]
    [InlineData("layer.weight", "layer.weight")]
    [InlineData("\u001b[31m", "\\u001B[31m")]
    [InlineData("a\u202Egpj.b", "a\\u202Egpj.b")]
    [InlineData("a\nb\tc", "a b c")]
    [InlineData("gr\u00F6\u00DFe.\u5C42 \U0001F600", "gr\u00F6\u00DFe.\u5C42 \U0001F600")]
    [InlineData("tag\U000E0041", "tag\\uDB40\\uDC41")]
    public void What_a_screen_would_obey_is_spelt_out(string text, string safe) => Assert.Equal(safe, SafeText.Line(text));

    [Fact]
    public void A_half_of_a_pair_is_spelt_out() => Assert.Equal("a\\uD800b", SafeText.Line("a" + (char)0xD800 + "b"));

    /// <summary>Every mark that sets or isolates a direction, every other format character, and the separators of lines.</summary>
    [Theory]
    [InlineData(0x202A, 0x202E)]
    [InlineData(0x2066, 0x2069)]
    [InlineData(0x200B, 0x200F)]
    [InlineData(0x2028, 0x2029)]
    [InlineData(0x061C, 0x061C)]
    [InlineData(0xFEFF, 0xFEFF)]
    [InlineData(0x00AD, 0x00AD)]
    [InlineData(0x0080, 0x009F)]
    public void No_mark_of_direction_gets_through(int first, int last)
    {
        for (int c = first; c <= last; c++)
            Assert.Equal($"\\u{c:X4}", SafeText.Line(((char)c).ToString()));
    }
}
