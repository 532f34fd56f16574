using LowRankTools.Formats;
using LowRankTools.Networks;

namespace LowRankTools.Core;

/// <summary>One step of writing a model.</summary>
internal abstract record OutputItem
{
    private OutputItem()
    {
    }

    /// <summary>A tensor that is copied, bit for bit where its type stays.</summary>
    public sealed record Copy(TensorInfo Tensor, TensorSpec Spec) : OutputItem;

    /// <summary>A weight that becomes factors which are computed as it is written: the two of a pair, or the kernels of a chain of convolutions.</summary>
    public sealed record Factored(ModelLayer Layer, LayerPlan Plan, IReadOnlyList<TensorSpec> Factors) : OutputItem
    {
        /// <summary>The tensors of each factor where they are quantised; null where each is one tensor.</summary>
        public IReadOnlyList<IReadOnlyList<TensorSpec>>? Parts { get; init; }
    }

    /// <summary>A weight that stays dense and is quantised.</summary>
    public sealed record Quantized(TensorInfo Tensor, WeightQuantization Kind, IReadOnlyList<TensorSpec> Parts) : OutputItem;

    /// <summary>A weight that stays dense with zeros for two of every four inputs.</summary>
    public sealed record Pruned(ModelLayer Layer, TensorSpec Spec) : OutputItem;

    /// <summary>A tensor that becomes the factors of its decomposition, which are there already.</summary>
    public sealed record Decomposed(ComputedFactors Factors) : OutputItem;

    /// <summary>Factors that become a weight again.</summary>
    public sealed record Merged(DenseTensor Tensor, TensorSpec Spec) : OutputItem;

    /// <summary>A weight that an adapter is merged into.</summary>
    public sealed record Adapted(AdapterTarget Target, TensorSpec Spec) : OutputItem;

    /// <summary>A weight that was trained, stored (in, out) or as the network has it.</summary>
    public sealed record Trained(Parameter Parameter, bool InOut, TensorSpec Spec) : OutputItem;

    /// <summary>A weight or bias of a feed-forward part that keeps some of its hidden units.</summary>
    public sealed record Resized(FeedForwardPart Part, ModelLayer Layer, TensorSpec Spec) : OutputItem;

    /// <summary>Another name for a tensor that is written.</summary>
    public sealed record Alias(TensorSpec Spec, string Existing) : OutputItem;

    /// <summary>Zeros: a bias that the receiving module has and the layer had not.</summary>
    public sealed record Zeros(TensorSpec Spec) : OutputItem;

    /// <summary>The tensors that this step writes; an alias writes none.</summary>
    public IEnumerable<TensorSpec> Written => this switch
    {
        Copy copy => [copy.Spec],
        Factored { Parts: { } parts } => parts.SelectMany(p => p),
        Factored factored => factored.Factors,
        Quantized quantized => quantized.Parts,
        Pruned pruned => [pruned.Spec],
        Decomposed decomposed => decomposed.Factors.Factors.Select(f => f.Spec),
        Merged merged => [merged.Spec],
        Adapted adapted => [adapted.Spec],
        Trained trained => [trained.Spec],
        Resized resized => [resized.Spec],
        Zeros zeros => [zeros.Spec],
        _ => [],
    };

    /// <summary>Every name that this step gives out.</summary>
    public IEnumerable<string> Names => this is Alias alias ? [alias.Spec.Name] : Written.Select(t => t.Name);
}
