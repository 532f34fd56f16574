using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Models;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>The differences of two models as a table; tensors that are the same are only counted.</summary>
internal static class CompareReport
{
    public static void Write(ModelSource reference, ModelSource model, IReadOnlyList<TensorDifference> differences, bool withRank, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{model.Path}  compared with  {reference.Path}"));
        List<TensorDifference> changed = [.. differences.Where(d => d.Status != DifferenceStatus.Same)];
        if (changed.Count > 0)
            Table(changed, withRank).Write(console);
        console.Out.WriteLine(string.Join(", ", differences.GroupBy(d => d.Status).OrderBy(g => g.Key).Select(g => $"{Figures.Plural(g.Count(), "tensor")} {InWords(g.Key)}")));
        console.Out.WriteLine();
    }

    /// <summary>The table alone.</summary>
    public static ReportTable Table(IEnumerable<TensorDifference> differences, bool withRank)
    {
        ReportTable table = withRank
            ? new("Name", "Shape", "Status", ">Largest", ">Error", ">Effective rank", ">Rank", "Finding")
            : new("Name", "Shape", "Status", ">Largest", ">Error");
        foreach (TensorDifference d in differences)
        {
            List<string> cells = [d.Name, d.Shape.ToString(), InWords(d.Status), Figures.Small(d.MaxAbsoluteDifference), Figures.Small(d.RelativeError)];
            if (withRank)
            {
                cells.Add(d.EffectiveRank?.ToString("F1", CultureInfo.InvariantCulture) ?? "");
                cells.Add(d.DeltaRank?.ToString(CultureInfo.InvariantCulture) ?? "");
                cells.Add(d.Finding);
            }
            table.Add([.. cells]);
        }
        return table;
    }

    private static string InWords(DifferenceStatus status) => status switch
    {
        DifferenceStatus.Same => "the same",
        DifferenceStatus.Changed => "changed",
        DifferenceStatus.ShapeDiffers => "of another shape",
        DifferenceStatus.OnlyInReference => "only in the reference",
        DifferenceStatus.OnlyInModel => "only in the model",
        _ => "not comparable",
    };
}
