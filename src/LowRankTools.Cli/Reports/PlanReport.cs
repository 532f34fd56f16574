using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>A plan as a table of its layers and a summary.</summary>
internal static class PlanReport
{
    /// <summary>More layers that stay as they are than this are told by their reasons only.</summary>
    private const int MostKeptRows = 8;

    public static void Write(RankPlan plan, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{plan.Name}  {plan.Rule}  {plan.Path}"));
        Layers(plan).Write(console);
        if (plan.KeptLayers > MostKeptRows)
        {
            foreach (IGrouping<KeepReason, LayerPlan> kept in plan.Layers.Where(l => l.Rank is null).GroupBy(l => l.Reason).OrderBy(g => g.Key))
                console.Out.WriteLine($"{Figures.Plural(kept.Count(), "layer")} of {Figures.Count(kept.Sum(l => l.ParametersBefore))} parameters stay as they are: {KeepReasons.InWords(kept.Key)}");
        }
        Totals(plan, console.Out);
        console.Out.WriteLine();
    }

    private static ReportTable Layers(RankPlan plan)
    {
        if (plan.Layers.Any(l => l.Quantization is not null))
            return StoredLayers(plan);
        ReportTable table = new("Layer", "Shape", ">Rank", ">Parameters", ">After", ">Bytes", ">After", ">FLOPs a token", ">After", ">Error", "Stays");
        foreach (LayerPlan layer in plan.Layers.Where(l => l.Rank is not null || plan.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Kind is LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d && layer.Rank is not null ? $"{layer.Method} {layer.Ranks}" : layer.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", Figures.Count(layer.ParametersBefore), Figures.Count(layer.Parameters),
                Figures.Bytes(layer.BytesBefore), Figures.Bytes(layer.Bytes), Optional(layer.FlopsBefore), Optional(layer.Flops), Figures.Small(layer.RelativeError), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    private static ReportTable StoredLayers(RankPlan plan)
    {
        ReportTable table = new("Layer", "Shape", ">Rank", "Type", ">Parameters", ">After", ">Bytes", ">After", ">Error", "Stays");
        foreach (LayerPlan layer in plan.Layers.Where(l => l.Rank is not null || plan.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", layer.DType, Figures.Count(layer.ParametersBefore), Figures.Count(layer.Parameters),
                Figures.Bytes(layer.BytesBefore), Figures.Bytes(layer.Bytes), Figures.Small(layer.RelativeError), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    private static void Totals(RankPlan plan, TextWriter output)
    {
        string what = plan.IsAdapter ? "trainable, the weights stay" : "of the chosen layers, shared storage once";
        output.WriteLine($"parameters  {Figures.Count(plan.ParametersBefore)} -> {Figures.Count(plan.Parameters)} ({Figures.Percent(plan.KeptRatio)}), {what}");
        output.WriteLine($"bytes       {Figures.Bytes(plan.BytesBefore)} -> {Figures.Bytes(plan.Bytes)}");
        output.WriteLine($"FLOPs       {Figures.Count(plan.FlopsBefore)} -> {Figures.Count(plan.Flops)} for one token, a multiplication and an addition counting two");
        output.WriteLine($"model       {Figures.Count(plan.ModelParametersBefore)} -> {Figures.Count(plan.ModelParameters)} parameters ({Figures.Percent(plan.ModelKeptRatio)}), {Figures.Bytes(plan.ModelBytesBefore)} -> {Figures.Bytes(plan.ModelBytes)} of tensors");
        if (plan.Layers.Count(l => l.Rank is not null && l.Basis is not null) is > 0 and var sharing)
            output.WriteLine($"shared      {Figures.Plural(sharing, "layer")} of these use the factor next to the inputs of an earlier one, where it is counted");
        if (plan.RelativeError is { } error)
            output.WriteLine($"error       {Figures.Small(error)} predicted, {Weighted(plan)}{(plan.LowerBound is { } bound ? $"; no ranks at this cost have less than {Figures.Small(bound)}" : "")}");
        if (plan.NormError is { } norm && plan.Weighting != Weighting.Absolute)
            output.WriteLine($"            {Figures.Small(norm)} predicted, ||W - W'|| / ||W|| over all factorized weights");
        if (plan.Spectrum == SpectrumOrigin.Assumed)
            output.WriteLine("error       not predicted: there are no values; ranks were shared out as if sigma_k were 1 / sqrt k in every layer, all of one energy");
        if (plan.Speedup is { } speedup)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"speed       {speedup:F2} times, dense over planned time of the chosen layers, as measured on this machine"));
        if (plan.Measurement is { } measured)
            output.WriteLine($"measured    {SafeText.Line(measured.ToString())}, text {SafeText.Line(measured.Text)}");
        if (plan.IsOptimal)
            output.WriteLine("proven      no better ranks are allowed");
    }

    private static string Weighted(RankPlan plan) => plan.Weighting switch
    {
        Weighting.Absolute => "root of sum ||W - W'||^2 over sum ||W||^2",
        Weighting.Relative => "root mean square over the layers of ||W - W'|| / ||W||",
        _ => "root mean square over the layers of ||(W - W') X|| / ||W X||, weighed by sensitivity",
    };

    private static string Optional(long? count) => count is { } value ? Figures.Count(value) : "";
}
