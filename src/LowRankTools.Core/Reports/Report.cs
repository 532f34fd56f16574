using LowRankTools.Core.Figures;
using LowRankTools.Core.Plans;

namespace LowRankTools.Core.Reports;

/// <summary>What a report says, before it is a page.</summary>
/// <param name="Title">What it is about.</param>
/// <param name="Summary">Names and values for the first look.</param>
/// <param name="Figures">Plots in reading order.</param>
internal sealed record Report(string Title, IReadOnlyList<ReportFact> Summary, IReadOnlyList<Figure> Figures)
{
    /// <summary>The plan that is shown; null for none.</summary>
    public RankPlan? Plan { get; init; }
}

/// <summary>One line of a summary.</summary>
/// <param name="Name">What is told.</param>
/// <param name="Value">What it is.</param>
internal sealed record ReportFact(string Name, string Value);
