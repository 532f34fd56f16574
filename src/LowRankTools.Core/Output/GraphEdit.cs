using LowRankTools.Decompositions;
using LowRankTools.Formats;

namespace LowRankTools.Core;

/// <summary>A graph that is written again with factors in place of some weights.</summary>
internal abstract record GraphEdit
{
    /// <summary>The change that a plan's steps make; null for a format without a graph.</summary>
    public static GraphEdit? Of(Model model, ModelFormat format, IEnumerable<OutputItem> items) => format switch
    {
        ModelFormat.Onnx => new OnnxEdit((OnnxFile)model.File, [.. items.OfType<OutputItem.Factored>().Select(FactorsOf)]),
        ModelFormat.TensorFlowJs => new TensorFlowJsEdit((TensorFlowJsFile)model.File, [.. items.OfType<OutputItem.Factored>().Select(p => new TensorFlowJsFactors(p.Layer.Shape.Name, p.Factors, Stages(p.Plan)?.Select(s => new TensorFlowJsConvolution(s.TakesHeight, s.TakesWidth)).ToArray()))]),
        _ => null,
    };

    /// <summary>Full paths of the data files beside the model; none where its values are in it.</summary>
    /// <param name="path">Full path of the model.</param>
    /// <param name="generation">Which names they get.</param>
    public abstract IReadOnlyList<string> DataPaths(string path, int generation);

    /// <summary>Starts the model.</summary>
    /// <param name="path">Full path of the model.</param>
    /// <param name="metadata">Free text at its greatest length.</param>
    /// <param name="place">Whose temporary files they are.</param>
    /// <param name="generation">Which names data files get.</param>
    public abstract IGraphWriter Open(string path, IReadOnlyDictionary<string, string> metadata, OutputPlace place, int generation);

    private static OnnxFactors FactorsOf(OutputItem.Factored item) =>
        new(item.Layer.Shape.Name, item.Parts is { } parts ? [.. parts.Select(f => f[0])] : item.Factors, Stages(item.Plan)?.Select(s => new OnnxConvolution(s.TakesHeight, s.TakesWidth, s.Groups)).ToArray())
        {
            IsTrain = item.Plan.Made is TensorTrainLayer,
            Scales = item.Parts?.Select(f => f[1]).ToArray(),
        };

    private static IReadOnlyList<ConvolutionStage>? Stages(LayerPlan plan) => plan is { Kernel: { } kernel, Made: ConvolutionMethod method } ? method.Stages(kernel, plan.Choice!.Numbers) : null;

    private sealed record OnnxEdit(OnnxFile Source, IReadOnlyList<OnnxFactors> Factors) : GraphEdit
    {
        public override IReadOnlyList<string> DataPaths(string path, int generation) => OnnxModelWriter.HasData(Source) ? [OnnxModelWriter.DataPath(path, generation)] : [];

        public override IGraphWriter Open(string path, IReadOnlyDictionary<string, string> metadata, OutputPlace place, int generation) => new OnnxModelWriter(path, Source, Factors, metadata, place, generation);
    }

    private sealed record TensorFlowJsEdit(TensorFlowJsFile Source, IReadOnlyList<TensorFlowJsFactors> Factors) : GraphEdit
    {
        public override IReadOnlyList<string> DataPaths(string path, int generation) => TensorFlowJsModelWriter.ShardPaths(path, Source, Factors, generation);

        public override IGraphWriter Open(string path, IReadOnlyDictionary<string, string> metadata, OutputPlace place, int generation) => new TensorFlowJsModelWriter(path, Source, Factors, metadata, place, generation);
    }
}
