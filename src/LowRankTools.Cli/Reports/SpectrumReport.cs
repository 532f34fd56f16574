using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Spectra of a model's layers as a table of their measures.</summary>
internal static class SpectrumReport
{
    public static void Write(ModelSource source, IReadOnlyList<LayerSpectrum> spectra, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{source.Name}  {source.Path}"));
        ReportTable table = new("Name", "Shape", ">Largest", ">Stable rank", ">Effective rank", ">Rank 90 %", ">95 %", ">99 %", ">Break-even", "Suggestion", "Values");
        foreach (LayerSpectrum s in spectra)
        {
            table.Add(s.Name, s.Shape.ToString(), Figures.Small(s.SpectralNorm), OneDecimal(s.StableRank), OneDecimal(s.EffectiveRank), Whole(s.Rank90), Whole(s.Rank95), Whole(s.Rank99),
                Whole(s.BreakEvenRank), s.Suggestion == LayerSuggestion.Factorize ? "factorize" : "keep", console.Terminal.Output ? Sparkline.Of(s.SingularValues, console.Terminal.Blocks) : "");
        }
        if (spectra.Count > 0)
            table.Write(console);
        console.Out.WriteLine($"{Figures.Plural(spectra.Count, "layer")}, {Figures.Plural(spectra.Count(s => s.Suggestion == LayerSuggestion.Factorize), "layer")} to factorize: there a pair that is smaller than the matrix keeps 95 % of the energy, the sum of squared singular values");
        console.Out.WriteLine();
    }

    private static string OneDecimal(double value) => value.ToString("F1", CultureInfo.InvariantCulture);

    private static string Whole(long value) => value.ToString(CultureInfo.InvariantCulture);
}
