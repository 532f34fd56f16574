using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>The losses of one training.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Losses">One for each step.</param>
/// <param name="Steps">The steps, as many; null for 1, 2, 3 and so on.</param>
public sealed record LossCurve(string Name, IReadOnlyList<double> Losses, IReadOnlyList<double>? Steps = null);

/// <summary>Losses as lines over the steps.</summary>
internal static class LossFigure
{
    private const int MostRows = 50;

    public static Figure Build(LossCurve[] curves, string? protocol)
    {
        if (curves.FirstOrDefault(c => c.Steps is { } steps && steps.Count != c.Losses.Count) is { } uneven)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{uneven.Name}' has {uneven.Losses.Count} losses at {uneven.Steps!.Count} steps.", "Give one step for each loss, or none.");
        bool allPositive = curves.All(c => c.Losses.All(l => l > 0));
        return new Figure
        {
            Title = "Loss by step",
            Protocol = $"Losses of {FigureText.Plural(curves.Length, "training")}, at every step that was kept.{(protocol is null ? "" : $" {protocol}")}",
            X = new FigureAxis("step"),
            Y = new FigureAxis("loss") { IsLog = allPositive && curves.Length > 0 },
            Series = [.. curves.Select(c => new FigureSeries(c.Name, SeriesKind.Line, Steps(c), c.Losses))],
            Table = FigureTable.Of(["Training", ">Step", ">Loss"], curves.SelectMany(Rows)),
        };
    }

    private static IReadOnlyList<double> Steps(LossCurve curve) => curve.Steps ?? [.. Enumerable.Range(1, curve.Losses.Count).Select(i => (double)i)];

    private static IEnumerable<string[]> Rows(LossCurve curve)
    {
        IReadOnlyList<double> steps = Steps(curve);
        int stride = Math.Max(1, curve.Losses.Count / MostRows);
        for (int i = 0; i < curve.Losses.Count; i++)
        {
            if (i % stride == 0 || i == curve.Losses.Count - 1)
                yield return [curve.Name, FigureText.Number(steps[i]), FigureText.Number(curve.Losses[i])];
        }
    }
}
