using LowRankTools.Core.Comparison;

namespace LowRankTools.Core.Figures;

/// <summary>Differences of two models' tensors as bars.</summary>
internal static class ComparisonFigure
{
    public static Figure Build(TensorDifference[] differences)
    {
        TensorDifference[] changed = [.. differences.Where(d => d.RelativeError is > 0 && double.IsFinite(d.RelativeError.Value))];
        BarChoice<TensorDifference> choice = BarChoice.Largest(changed, d => d.RelativeError!.Value);
        IReadOnlyList<TensorDifference> shown = choice.Shown;
        return new Figure
        {
            Title = "Difference by tensor",
            Protocol = $"||A - B|| / ||A|| in the Frobenius norm of {FigureText.Plural(differences.Length, "tensor")}, A of the reference; pairs are multiplied out. {FigureText.Count(differences.Count(d => d.Status == DifferenceStatus.Same))} are the same and have no bar.{choice.Told("differences")}",
            X = new FigureAxis("relative difference"),
            Y = new FigureAxis("tensor") { Categories = [.. shown.Select(d => d.Name)] },
            Series = [new FigureSeries("", SeriesKind.Bars, [.. shown.Select(d => d.RelativeError!.Value)], [.. shown.Select((_, i) => (double)i)])
                { Labels = [.. shown.Select(d => $"{d.Name}: {FigureText.Number(d.RelativeError)}")] }],
            Table = FigureTable.Of(["Tensor", "Shape", "Status", ">Largest", ">Relative", ">Effective rank", ">Rank"],
                differences.Select(d => (string[])[d.Name, d.Shape.ToString(), d.Status.ToString(), FigureText.Number(d.MaxAbsoluteDifference), FigureText.Number(d.RelativeError),
                    d.EffectiveRank is { } rank ? FigureText.Number(Math.Round(rank, 1)) : "", FigureText.Count(d.DeltaRank)])),
            Height = BarChoice.Height(shown.Count),
        };
    }
}
