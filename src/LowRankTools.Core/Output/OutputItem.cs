using LowRankTools.Core.Layers;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Networks.Modules;

namespace LowRankTools.Core.Output;

/// <summary>One step of writing a model. Steps that only one operation knows are declared beside it.</summary>
internal abstract record OutputItem
{
    /// <summary>The tensors that this step writes; an alias writes none.</summary>
    public abstract IEnumerable<TensorSpec> Written { get; }

    /// <summary>Every name that this step gives out.</summary>
    public virtual IEnumerable<string> Names => Written.Select(t => t.Name);

    /// <summary>A step that writes one tensor.</summary>
    public abstract record Single(TensorSpec Spec) : OutputItem
    {
        /// <inheritdoc/>
        public sealed override IEnumerable<TensorSpec> Written => [Spec];
    }

    /// <summary>A tensor that is copied, bit for bit where its type stays.</summary>
    public sealed record Copy(TensorInfo Tensor, TensorSpec Spec) : Single(Spec);

    /// <summary>A weight that stays dense and is quantised.</summary>
    public sealed record Quantized(TensorInfo Tensor, WeightQuantization Kind, IReadOnlyList<TensorSpec> Parts) : OutputItem
    {
        /// <inheritdoc/>
        public override IEnumerable<TensorSpec> Written => Parts;
    }

    /// <summary>A weight that stays dense with zeros for two of every four inputs.</summary>
    public sealed record Pruned(ModelLayer Layer, TensorSpec Spec) : Single(Spec);

    /// <summary>A weight that was trained, stored (in, out) or as the network has it.</summary>
    public sealed record Trained(Parameter Parameter, bool InOut, TensorSpec Spec) : Single(Spec);

    /// <summary>Another name for a tensor that is written.</summary>
    public sealed record Alias(TensorSpec Spec, string Existing) : OutputItem
    {
        /// <inheritdoc/>
        public override IEnumerable<TensorSpec> Written => [];

        /// <inheritdoc/>
        public override IEnumerable<string> Names => [Spec.Name];
    }

    /// <summary>Zeros: a bias that the receiving module has and the layer had not.</summary>
    public sealed record Zeros(TensorSpec Spec) : Single(Spec);
}
