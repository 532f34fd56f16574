using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// A chain of transposed convolutions in place of one. A transposed convolution whose weight W is inputs x outputs x height x width, as PyTorch
/// and ONNX store it, is the adjoint of the convolution whose kernel is W, outputs x channels there; so its chain is that of this convolution
/// from last to first, every stage the adjoint of one and with the same kernel. Ranks are those of the convolution: the first of Tucker's two is that of
/// inputs, the second that of outputs.
/// </summary>
public sealed class TransposedConvolution : LayerMethod
{
    private readonly ConvolutionMethod _method;

    internal TransposedConvolution(ConvolutionMethod method) => _method = method;

    /// <inheritdoc/>
    public override string Name => NameOf(_method);

    /// <inheritdoc/>
    public override string Description => $"From last to first, as transposed convolutions: {_method.Description}";

    /// <summary>The transposed convolutions that ranks make, in the order in which they are applied; the outputs of a stage are what it takes, its channels what it gives.</summary>
    /// <param name="weight">Shape of the weight: its outputs are the layer's inputs.</param>
    /// <param name="ranks">The ranks.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: no chain has these ranks.</exception>
    public IReadOnlyList<ConvolutionStage> Stages(KernelShape weight, IReadOnlyList<int> ranks) => [.. _method.Stages(weight, ranks).Reverse()];

    /// <inheritdoc/>
    public override bool Takes(IReadOnlyList<int> shape) => _method.Takes(shape);

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(IReadOnlyList<int> shape) => _method.MostRanks(shape);

    /// <inheritdoc/>
    public override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => ConvolutionMethod.Named(Stages(KernelShape.Of(shape), ranks));

    /// <inheritdoc/>
    public override string? BiasName(int factors) => _method.BiasName(factors);

    /// <inheritdoc/>
    public override IReadOnlyList<int> RanksWithin(IReadOnlyList<int> shape, double parameters) => _method.RanksWithin(shape, parameters);

    /// <inheritdoc/>
    public override IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default) => _method.RanksFor(weight, tolerance, options, ct);

    /// <inheritdoc/>
    public override IReadOnlyList<double>? AllErrors(Tensor weight, ComputeOptions options, CancellationToken ct = default) => _method.AllErrors(weight, options, ct);

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Factorize(Tensor weight, IReadOnlyList<int> ranks, ComputeOptions options, IProgress<double>? progress = null, CancellationToken ct = default) =>
        [.. _method.Factorize(weight, ranks, options, progress, ct).Reverse()];

    /// <inheritdoc/>
    public override Tensor Dense(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors, ComputeOptions? options = null, CancellationToken ct = default) =>
        _method.Dense(shape, ranks, [.. factors.Reverse()], options, ct);

    internal static string NameOf(ConvolutionMethod method) => $"{method.Name}(transposed)";
}
