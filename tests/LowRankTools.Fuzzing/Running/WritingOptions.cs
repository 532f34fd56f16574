using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Fuzzing.Mutations;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Fuzzing.Running;

/// <summary>How an accepted input is written: another way for every seed.</summary>
internal sealed class WritingOptions
{
    private readonly RankRule _rule;
    private readonly ModelFormat _format, _mergedFormat;
    private readonly long _shard, _mergedShard;
    private readonly TensorDType? _dtype;
    private readonly bool _embeddings, _firstBias, _keepsFormat;
    private readonly FactorMethod? _method;

    public WritingOptions(int seed)
    {
        // Not the choices that made the input over again.
        Random random = new(seed ^ 0x5DEECE6);
        _rule = random.Pick<RankRule>([new RankRule.Fixed(1), new RankRule.Fixed(2), new RankRule.KeepRatio(0.5), new RankRule.Energy(0.9), new RankRule.TargetReduction(1.2)]);
        (_format, _shard) = Target(random);
        (_mergedFormat, _mergedShard) = Target(random);
        _dtype = random.Pick<TensorDType?>([null, null, TensorDType.F32, TensorDType.F16, TensorDType.BF16]);
        _embeddings = random.Next(2) == 0;
        _firstBias = random.Next(4) == 0;
        _keepsFormat = random.Next(2) == 0;
        _method = random.Pick<FactorMethod?>([null, FactorMethod.Svd, FactorMethod.Tucker, FactorMethod.SpatialSvd]);
    }

    public FactorizeOptions Factorize(ModelSource source, string path) => new()
    {
        Rule = _rule, OutputPath = path, Format = Stays(source) ? ModelFormat.Gguf : IsGraph(source) ? ModelFormat.TensorFlowJs : _format, MaxShardBytes = Stays(source) || IsGraph(source) ? 0 : _shard,
        Method = _method, DType = IsGraph(source) ? null : _dtype, FirstBias = _firstBias && !IsGraph(source), UseCache = false,
        Selection = new LayerSelection { IncludeEmbedding = _embeddings }, Svd = SvdOptions.Default with { ThreadCount = 1 },
    };

    public MergeOptions Merge(ModelSource source, string path) => Stays(source)
        ? new() { OutputPath = path, Format = ModelFormat.Gguf } : new() { OutputPath = path, Format = _mergedFormat, MaxShardBytes = _mergedShard };

    /// <summary>Whether a GGUF file is written as one, which is written from nothing else.</summary>
    private bool Stays(ModelSource source) => _keepsFormat && source.Path.EndsWith(".gguf", StringComparison.Ordinal);

    /// <summary>Whether a TensorFlow.js model is written as one; one of layers is refused.</summary>
    private bool IsGraph(ModelSource source) => _keepsFormat && source.Path.EndsWith("model.json", StringComparison.Ordinal);

    /// <summary>PyTorch's format is written as one file.</summary>
    private static (ModelFormat Format, long Shard) Target(Random random) =>
        random.Next(3) == 0 ? (ModelFormat.PyTorch, 0) : (ModelFormat.Safetensors, random.Pick<long>([0, 0, 64, 300]));
}
