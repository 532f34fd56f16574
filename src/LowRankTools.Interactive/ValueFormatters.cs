using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using Microsoft.DotNet.Interactive.Formatting;

namespace LowRankTools.Interactive;

/// <summary>How this library's results look when a cell ends with them: a plot where there is one, and a table.</summary>
internal static class ValueFormatters
{
    public static void Register()
    {
        RegisterSeveral<LayerShape>(values => new ValueView(ValueTables.Layers(values)));
        RegisterSeveral<ParameterCount>(values => new ValueView(ValueTables.Counts(values)));
        RegisterSeveral<LayerSpectrum>(values => ValueView.Of(Plot.Spectrum(values)));
        RegisterSeveral<LayerSpeed>(values => ValueView.Of(Plot.TimeAgainstRank(values)));
        RegisterSeveral<ModelSpeed>(values => ValueView.Of(Plot.ModelTimeAgainstRank(values)));
        RegisterSeveral<TensorDifference>(values => ValueView.Of(Plot.Comparison(values)));
        RegisterOne<RankPlan>(plan => new ValueView(ValueTables.Plan(plan), Plot.ParametersByLayer(plan)));
        RegisterOne<FactorizationResult>(result => new ValueView(ValueTables.Result(result), Plot.ParametersByLayer(result)));
        PlainText(typeof(int), typeof(long), typeof(float), typeof(double), typeof(bool), typeof(string));
    }

    // A number is a number, and not a page with a style sheet.
    private static void PlainText(params Type[] types)
    {
        foreach (Type type in types)
            Formatter.SetPreferredMimeTypesFor(type, MimeTypes.Text);
    }

    private static void RegisterSeveral<T>(Func<IEnumerable<T>, ValueView> view)
    {
        RegisterOne<T>(value => view([value]));
        RegisterOne<T[]>(values => values.Length == 0 ? new ValueView(ValueTables.Nothing) : view(values));
        RegisterOne<IReadOnlyList<T>>(values => values.Count == 0 ? new ValueView(ValueTables.Nothing) : view(values));
    }

    private static void RegisterOne<T>(Func<T, ValueView> view)
    {
        Formatter.Register<T>((value, writer) => writer.Write(view(value).ToHtml()), MimeTypes.Html);
        Formatter.Register<T>((value, writer) => writer.Write(view(value).ToText()), MimeTypes.Text);
        Formatter.SetPreferredMimeTypesFor(typeof(T), MimeTypes.Html, MimeTypes.Text);
    }
}
