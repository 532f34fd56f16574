using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// A way to make one convolution a chain of smaller ones. A method says which stages its ranks make, how many ranks there are and how large
/// they may be, which ranks a number of parameters allows, and finds the kernels; a new one is a class and a line in
/// <see cref="ConvolutionMethods"/>. The factors are the stages' kernels, named as those of an <c>nn.Sequential</c> of convolutions.
/// </summary>
public abstract class ConvolutionMethod : LayerMethod
{
    /// <summary>The same chain of a transposed convolution.</summary>
    public TransposedConvolution Transposed => new(this);

    /// <summary>Largest ranks that make sense, one for each rank of the method.</summary>
    /// <param name="kernel">Shape of the kernel.</param>
    public abstract IReadOnlyList<int> MostRanks(KernelShape kernel);

    /// <summary>Whether the method says anything of a kernel of this shape that a pair does not: a 1 x 1 kernel is a matrix, and a pair its best.</summary>
    /// <param name="kernel">Shape of the kernel.</param>
    public virtual bool Takes(KernelShape kernel) => !kernel.IsPointwise;

    /// <summary>The convolutions that ranks make, in the order in which they are applied.</summary>
    /// <param name="kernel">Shape of the kernel.</param>
    /// <param name="ranks">As many as <see cref="MostRanks(KernelShape)"/>.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: no chain has these ranks.</exception>
    public IReadOnlyList<ConvolutionStage> Stages(KernelShape kernel, IReadOnlyList<int> ranks)
    {
        IReadOnlyList<int> most = MostRanks(kernel);
        if (ranks.Count != most.Count || ranks.Where((r, i) => r < 1 || r > most[i]).Any())
            throw TensorShapes.Mismatch($"There is no {Name} chain for a kernel of {kernel} with ranks {string.Join(" x ", ranks)}; they go up to {string.Join(" x ", most)}.");
        return [.. Chain(kernel, ranks).Select(s => s with { IsSignal = kernel.IsSignal, Planes = kernel.Planes })];
    }

    /// <summary>Entries of all kernels of the chain.</summary>
    /// <param name="kernel">Shape of the kernel.</param>
    /// <param name="ranks">The ranks.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public long Parameters(KernelShape kernel, IReadOnlyList<int> ranks) => Stages(kernel, ranks).Sum(s => s.Length);

    /// <summary>The ranks at one number for all of them, none above its own most.</summary>
    /// <param name="kernel">Shape of the kernel.</param>
    /// <param name="rank">At least 1.</param>
    public IReadOnlyList<int> RanksOf(KernelShape kernel, int rank) => [.. MostRanks(kernel).Select(most => Math.Min(most, rank))];

    /// <summary>Largest ranks whose chain has at most so many parameters; the smallest ranks where even they have more.</summary>
    /// <param name="kernel">Shape of the kernel.</param>
    /// <param name="parameters">Most entries.</param>
    public virtual IReadOnlyList<int> RanksWithin(KernelShape kernel, double parameters)
    {
        // One rank: parameters grow with it, by as much each time.
        int low = 1, high = MostRanks(kernel)[0];
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (Parameters(kernel, [middle]) <= parameters * (1 + 1e-12))
                low = middle;
            else
                high = middle - 1;
        }
        return [low];
    }

    /// <summary>Finds the kernels of the chain.</summary>
    /// <param name="kernel">K, outputs x channels x height x width, x length, or x depth x height x width.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="options">Threads and seed.</param>
    /// <param name="progress">Receives 0 to 1.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>, <c>NonFiniteValues</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ConvolutionChain Decompose(Tensor kernel, IReadOnlyList<int> ranks, ComputeOptions options, IProgress<double>? progress = null, CancellationToken ct = default)
    {
        IReadOnlyList<ConvolutionStage> stages = Stages(ShapeOf(kernel), ranks);
        RequireFinite(kernel);
        using Tensor plane = Plane(kernel);
        IReadOnlyList<Tensor> kernels = Kernels(plane, ranks, stages, options, progress, ct);
        return new ConvolutionChain(stages, kernel.Order == 4 ? kernels : [.. kernels.Select((k, i) => Reshaped(k, stages[i].Shape))]);
    }

    /// <summary>The sizes of a kernel.</summary>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>: it is no kernel of a convolution over a signal, over lines and columns, or over a volume.</exception>
    public static KernelShape ShapeOf(Tensor kernel) => kernel.Length > 0 ? KernelShape.Of([.. kernel.Shape])
        : throw TensorShapes.Mismatch($"A kernel of {TensorShapes.Text([.. kernel.Shape])} has no entries.");

    /// <inheritdoc/>
    public sealed override bool Takes(IReadOnlyList<int> shape) => shape.Count is >= 3 and <= 5 && Takes(KernelShape.Of(shape));

    /// <inheritdoc/>
    public sealed override IReadOnlyList<int> MostRanks(IReadOnlyList<int> shape) => MostRanks(KernelShape.Of(shape));

    /// <inheritdoc/>
    public sealed override IReadOnlyList<FactorShape> Factors(IReadOnlyList<int> shape, IReadOnlyList<int> ranks) => Named(Stages(KernelShape.Of(shape), ranks));

    /// <inheritdoc/>
    public sealed override string BiasName(int factors) => FormattableString.Invariant($"{factors - 1}.bias");

    /// <inheritdoc/>
    public sealed override IReadOnlyList<int> RanksWithin(IReadOnlyList<int> shape, double parameters) => RanksWithin(KernelShape.Of(shape), parameters);

    /// <inheritdoc/>
    public sealed override IReadOnlyList<Tensor> Factorize(Tensor weight, IReadOnlyList<int> ranks, ComputeOptions options, IProgress<double>? progress = null, CancellationToken ct = default) =>
        Decompose(weight, ranks, options, progress, ct).Kernels;

    /// <inheritdoc/>
    public sealed override Tensor Dense(IReadOnlyList<int> shape, IReadOnlyList<int> ranks, IReadOnlyList<Tensor> factors, ComputeOptions? options = null, CancellationToken ct = default) =>
        new ConvolutionChain(Stages(KernelShape.Of(shape), ranks), factors).ToDense(options, ct);

    internal sealed override LayerMethod? Named(string name) => name == TransposedConvolution.NameOf(this) ? Transposed : base.Named(name);

    /// <summary>The kernels of stages under the names of an <c>nn.Sequential</c>.</summary>
    internal static IReadOnlyList<FactorShape> Named(IReadOnlyList<ConvolutionStage> stages) =>
        [.. stages.Select((s, i) => new FactorShape(FormattableString.Invariant($"{i}.weight"), s.Shape))];

    /// <summary>A kernel with a height of 1 where it has none, and with the lines of its planes below one another.</summary>
    private protected static Tensor Plane(Tensor kernel)
    {
        KernelShape shape = ShapeOf(kernel);
        return kernel.Copy(shape.Outputs, shape.Channels, shape.Height, shape.Width);
    }

    private protected static Tensor Reshaped(Tensor tensor, int[] shape)
    {
        using (tensor)
            return tensor.Copy(shape);
    }

    private protected abstract IReadOnlyList<ConvolutionStage> Chain(KernelShape kernel, IReadOnlyList<int> ranks);

    /// <summary>The stages' kernels, of the shapes that they have in a plane.</summary>
    private protected abstract IReadOnlyList<Tensor> Kernels(Tensor kernel, IReadOnlyList<int> ranks, IReadOnlyList<ConvolutionStage> stages, ComputeOptions options, IProgress<double>? progress, CancellationToken ct);
}
