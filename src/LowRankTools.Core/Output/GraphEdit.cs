using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.TensorFlowJs;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Output;

/// <summary>A graph that is written again with factors in place of some weights.</summary>
internal abstract record GraphEdit
{
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

    /// <summary>Nodes of ONNX.</summary>
    public sealed record Onnx(OnnxFile Source, IReadOnlyList<OnnxFactors> Factors) : GraphEdit
    {
        /// <inheritdoc/>
        public override IReadOnlyList<string> DataPaths(string path, int generation) => OnnxModelWriter.HasData(Source) ? [OnnxModelWriter.DataPath(path, generation)] : [];

        /// <inheritdoc/>
        public override IGraphWriter Open(string path, IReadOnlyDictionary<string, string> metadata, OutputPlace place, int generation) => new OnnxModelWriter(path, Source, Factors, metadata, place, generation);
    }

    /// <summary>Nodes of TensorFlow.js.</summary>
    public sealed record TensorFlowJs(TensorFlowJsFile Source, IReadOnlyList<TensorFlowJsFactors> Factors) : GraphEdit
    {
        /// <inheritdoc/>
        public override IReadOnlyList<string> DataPaths(string path, int generation) => TensorFlowJsModelWriter.ShardPaths(path, Source, Factors, generation);

        /// <inheritdoc/>
        public override IGraphWriter Open(string path, IReadOnlyDictionary<string, string> metadata, OutputPlace place, int generation) => new TensorFlowJsModelWriter(path, Source, Factors, metadata, place, generation);
    }
}
