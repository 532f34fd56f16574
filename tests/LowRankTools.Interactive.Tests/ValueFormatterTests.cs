using LowRankTools.Core.Layers;
using LowRankTools.Core.Spectra;
using Microsoft.DotNet.Interactive.Formatting;

namespace LowRankTools.Interactive.Tests;

/// <summary>Results as the last line of a cell.</summary>
public sealed class ValueFormatterTests
{
    public ValueFormatterTests()
    {
        FigureFormatters.Register();
        ValueFormatters.Register();
    }

    [Fact]
    public void A_plan_is_a_plot_and_a_table_with_every_layer_and_the_sum()
    {
        FormattedValue[] values = [.. FormattedValue.CreateManyFromObject(Samples.Plan)];
        Assert.Equal([MimeTypes.Html, MimeTypes.Text], values.Select(v => v.MimeType));
        Assert.Contains("<svg", values[0].Value, StringComparison.Ordinal);
        string[] lines = values[1].Value.Split('\n');
        Assert.Equal(6, lines.Length);
        Assert.Contains("600", lines[^1], StringComparison.Ordinal);
        Assert.Contains("200", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_layers_are_text_and_not_markup()
    {
        LayerShape layer = new() { Path = "p", Model = "<b>m</b>", Name = "<img src=x onerror=alert(1)>", Kind = LayerKind.Linear, Shape = [2, 3], DType = "F32", Parameters = 6, Bytes = 24, Trainable = true };
        foreach (object shown in (object[])[layer, new[] { layer }, new List<LayerShape> { layer }])
        {
            FormattedValue html = FormattedValue.CreateManyFromObject(shown).Single(v => v.MimeType == MimeTypes.Html);
            Assert.DoesNotContain("<img", html.Value, StringComparison.Ordinal);
            Assert.DoesNotContain("<b>", html.Value, StringComparison.Ordinal);
            Assert.Contains("2 x 3", html.Value, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Nothing_is_said_to_be_nothing() =>
        Assert.Contains("Nothing", FormattedValue.CreateManyFromObject(Array.Empty<LayerSpectrum>())[0].Value, StringComparison.Ordinal);

    [Fact]
    public void A_number_is_plain_text() =>
        Assert.Equal([MimeTypes.Text], FormattedValue.CreateManyFromObject(229_760L).Select(v => v.MimeType));
}
