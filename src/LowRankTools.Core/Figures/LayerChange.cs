using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Figures;

/// <summary>One layer's size before and after; after is null where nothing was planned.</summary>
internal sealed record LayerChange(string Name, string Shape, int? Rank, long ParametersBefore, long? Parameters, long BytesBefore, long? Bytes)
{
    public static LayerChange[] Of(RankPlan plan) =>
        [.. plan.Layers.Select(l => new LayerChange(l.Name, l.Shape.ToString(), l.Rank, l.ParametersBefore, l.Parameters, l.BytesBefore, l.Bytes))];

    public static LayerChange[] Of(FactorizationResult result) =>
        [.. result.Layers.Select(l => new LayerChange(l.Name, l.Shape.ToString(), l.Rank, l.ParametersBefore, l.Parameters, l.BytesBefore, l.Bytes))];

    public static LayerChange[] Of(ParameterCount count)
    {
        IReadOnlyList<LayerShape> shapes = count.LayerShapes
            ?? throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{count.Path}: the count lists no layers.", "Count with -Detailed.");
        return [.. shapes.Where(s => s.TiedTo is null).Select(s => new LayerChange(s.Name, s.Shape.ToString(), s.Rank, s.Parameters, null, s.Bytes, null))];
    }

    /// <summary>Pairs of a factorized model; bytes are not known of the dense one.</summary>
    public static LayerChange[] Of(FactorizationRecord record) => [.. record.Layers.Where(l => l.TiedTo is null).Select(l =>
    {
        long columns = l.Shape.Count == 0 ? 1 : l.Shape[^1], elements = l.Shape.Sizes.Aggregate(1L, (a, b) => a * b);
        return new LayerChange(l.Name, l.Shape.ToString(), l.Rank, elements, FactorsRecord.ParametersOf(l) ?? l.Rank * (columns + elements / Math.Max(1, columns)), 0, null);
    })];

    /// <summary>How a result came about.</summary>
    public static string Told(FactorizationResult result) => $"{(result.Written ? "written" : "would be written")} by the rule {result.Rule}";
}
