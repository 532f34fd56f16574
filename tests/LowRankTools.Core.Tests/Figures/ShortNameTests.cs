using LowRankTools.Core.Figures;

namespace LowRankTools.Core.Tests;

/// <summary>Names that are cut stay apart.</summary>
public sealed class ShortNameTests
{
    private const int Longest = 44;

    [Fact]
    public void Layers_of_a_deep_module_stay_apart()
    {
        string[] names = [.. from layer in Enumerable.Range(0, 12) from part in (string[])["conv1", "conv2", "query", "key"]
            select $"EncoderTransformer/Transformer/SparseTransformerEncode/Layer_{layer}/TransformerLayer/FFN/{part}/Tensordot/Reshape_1"];
        string[] cut = [.. names.Select(n => ShortName.Of(n, Longest))];
        Assert.All(cut, n => Assert.True(n.Length <= Longest, n));
        Assert.Equal(names.Length, cut.Distinct().Count());
    }

    [Fact]
    public void Layers_of_a_deeper_one_do_too()
    {
        string[] names = [.. from layer in Enumerable.Range(0, 12) from part in (string[])["conv1", "conv2", "query", "key"]
            select $"module_apply_default/Encoder_en/KonaTransformer/Encode/TransformerStack/Layer_{layer}/TransformerLayer/FFN/{part}/Tensordot/Reshape_1"];
        Assert.Equal(names.Length, names.Select(n => ShortName.Of(n, Longest)).Distinct().Count());
    }

    [Theory]
    [InlineData("encoder.layer.0.weight")]
    [InlineData("")]
    public void A_name_that_fits_is_left_alone(string name) => Assert.Equal(name, ShortName.Of(name, Longest));

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(44)]
    public void No_name_is_too_long_for_any_width(int longest) =>
        Assert.All((string[])[new string('x', 200), string.Join('.', Enumerable.Repeat("part1", 40)), "..........................................................", "a/b//"],
            n => Assert.True(ShortName.Of(n, longest).Length <= longest));
}
