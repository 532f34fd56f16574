using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Decompositions.TensorTrainMatrices;
using LowRankTools.Formats;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.TensorFlowJs;

namespace LowRankTools.Core.Factorization;

/// <summary>What factors change in a graph.</summary>
internal static class FactorizedGraph
{
    /// <summary>The change that a plan's steps make; null for a format without a graph.</summary>
    public static GraphEdit? Of(Model model, ModelFormat format, IEnumerable<OutputItem> items) => format switch
    {
        ModelFormat.Onnx => new GraphEdit.Onnx((OnnxFile)model.File, [.. items.OfType<FactoredItem>().SelectMany(i => Sharing(i).Prepend(FactorsOf(i)))]),
        ModelFormat.TensorFlowJs => new GraphEdit.TensorFlowJs((TensorFlowJsFile)model.File, [.. items.OfType<FactoredItem>().Select(p => new TensorFlowJsFactors(p.Layer.Shape.Name, p.Factors, Stages(p.Plan)?.Select(s => new TensorFlowJsConvolution(s.TakesHeight, s.TakesWidth)).ToArray()))]),
        _ => null,
    };

    /// <summary>The pairs of the other layers of a group: their factors follow the two of the first one.</summary>
    private static IEnumerable<OnnxFactors> Sharing(FactoredItem item) =>
        item.Sharing.Select((s, i) => new OnnxFactors(s.Plan.Name, [item.Factors[0], item.Factors[2 + i]]) { SharesFirst = true });

    private static OnnxFactors FactorsOf(FactoredItem item) =>
        new(item.Layer.Shape.Name, item.Parts is { } parts ? [.. parts.Select(f => f[0])] : item.Sharing.Count > 0 ? [.. item.Factors.Take(2)] : item.Factors, Stages(item.Plan)?.Select(s => new OnnxConvolution(s.TakesHeight, s.TakesWidth, s.Groups)).ToArray())
        {
            IsTrain = item.Plan.Made is TensorTrainLayer,
            IsPivoted = item.Plan.Made is PivotedLayer,
            Scales = item.Parts?.Select(f => f[1]).ToArray(),
        };

    private static IReadOnlyList<ConvolutionStage>? Stages(LayerPlan plan) => (plan.Kernel, plan.Made) switch
    {
        ({ } kernel, ConvolutionMethod method) => method.Stages(kernel, plan.Choice!.Numbers),
        ({ } weight, TransposedConvolution method) => method.Stages(weight, plan.Choice!.Numbers),
        _ => null,
    };
}
