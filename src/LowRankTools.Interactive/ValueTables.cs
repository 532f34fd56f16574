using System.Globalization;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;

namespace LowRankTools.Interactive;

/// <summary>Tables of the results that have no plot of the same rows.</summary>
internal static class ValueTables
{
    public static FigureTable Nothing { get; } = new([new FigureColumn("Nothing to show")], []);

    public static FigureTable Layers(IEnumerable<LayerShape> layers) => new(
        [new("Model"), new("Name"), new("Kind"), new("Shape", true), new("Type"), new("Parameters", true), new("Break-even", true)],
        [.. layers.Select(l => (string[])[l.Model, l.Name, l.Kind.ToString(), l.Shape.ToString(), l.DType, Count(l.Parameters), Count(l.BreakEvenRank)])]);

    public static FigureTable Counts(IEnumerable<ParameterCount> counts) => new(
        [new("Name"), new("Format"), new("Layers", true), new("Parameters", true), new("Trainable", true), new("Bytes", true), new("To train with Adam", true)],
        [.. counts.Select(c => (string[])[c.Name, c.Format, Count(c.Layers), Count(c.Parameters), Count(c.TrainableParameters), Count(c.Bytes), Count(c.TrainBytesAdam)])]);

    public static FigureTable Plan(RankPlan plan) => new(
        [new("Name"), new("Shape", true), new("Rank", true), new("Before", true), new("Parameters", true), new("Error", true), new("Reason")],
        [
            .. plan.Layers.Select(l => (string[])[l.Name, l.Shape.ToString(), Count(l.Rank), Count(l.ParametersBefore), Count(l.Parameters), Error(l.RelativeError), l.Reason == KeepReason.None ? "" : l.Reason.ToString()]),
            ["Together", "", "", Count(plan.ParametersBefore), Count(plan.Parameters), Error(plan.RelativeError), ""],
        ]);

    public static FigureTable Result(FactorizationResult result) => new(
        [new("Name"), new("Rank", true), new("Before", true), new("Parameters", true), new("Error", true)],
        [
            .. result.Layers.Select(l => (string[])[l.Name, Count(l.Rank), Count(l.ParametersBefore), Count(l.Parameters), Error(l.RelativeError)]),
            ["Model", "", Count(result.ParametersBefore), Count(result.Parameters), Error(result.RelativeError)],
        ]);

    private static string Count(long? count) => count?.ToString("N0", CultureInfo.InvariantCulture) ?? "";

    private static string Error(double? error) => error?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "";
}
