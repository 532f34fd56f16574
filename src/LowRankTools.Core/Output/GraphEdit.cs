using LowRankTools.Decompositions;
using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>An ONNX model that is written again with factors in place of some weights.</summary>
/// <param name="Source">The model.</param>
/// <param name="Factors">What takes the place of what.</param>
internal sealed record GraphEdit(OnnxFile Source, IReadOnlyList<OnnxFactors> Factors)
{
    /// <summary>Whether values lie in a data file beside the model.</summary>
    public bool HasData => OnnxModelWriter.HasData(Source);

    /// <summary>The change that a plan's steps make.</summary>
    public static GraphEdit Of(Model model, IEnumerable<OutputItem> items) =>
        new((OnnxFile)model.File, [.. items.OfType<OutputItem.Factored>().Select(p => new OnnxFactors(p.Layer.Shape.Name, p.Parts is { } parts ? [.. parts.Select(f => f[0])] : p.Factors,
            Stages(p.Plan)?.Select(s => new OnnxConvolution(s.TakesHeight, s.TakesWidth, s.Groups)).ToArray())
        {
            Scales = p.Parts?.Select(f => f[1]).ToArray(),
        })]);

    private static IReadOnlyList<ConvolutionStage>? Stages(LayerPlan plan) => plan is { Kernel: { } kernel, Made: ConvolutionMethod method } ? method.Stages(kernel, plan.Choice!.Numbers) : null;
}
