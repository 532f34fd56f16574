using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// Convolutions one after the other in place of one: the kernels of the stages of a <see cref="ConvolutionMethod"/>, in the order in which
/// they are applied. Owns its kernels.
/// </summary>
public sealed class ConvolutionChain : IDisposable
{
    private readonly IReadOnlyList<ConvolutionStage> _stages;

    /// <summary>Takes kernels, which it owns then.</summary>
    /// <param name="stages">The stages.</param>
    /// <param name="kernels">Their kernels, outputs x channels of a group x height x width each.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public ConvolutionChain(IReadOnlyList<ConvolutionStage> stages, IReadOnlyList<Tensor> kernels)
    {
        if (stages.Count == 0 || kernels.Count != stages.Count || stages.Where((s, i) => !kernels[i].Shape.SequenceEqual(s.Shape)).Any())
            throw TensorShapes.Mismatch("The kernels are not those of the chain's stages.");
        (_stages, Kernels) = (stages, kernels);
    }

    /// <summary>The kernels, first to last.</summary>
    public IReadOnlyList<Tensor> Kernels { get; }

    /// <summary>Entries of all kernels.</summary>
    public long ParameterCount => Kernels.Sum(k => (long)k.Length);

    /// <summary>
    /// The one kernel that does what the chain does: K(o, i, y' + y, x' + x) is the sum over c of S(o, c, y', x') C(c, i, y, x) for a stage S
    /// behind the kernel C of those before it. Each side of the kernel is one stage's, so no two terms meet in a place.
    /// </summary>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <returns>outputs x channels x height x width, x length, or x depth x height x width, the caller's.</returns>
    public Tensor ToDense(ComputeOptions? options = null, CancellationToken ct = default)
    {
        Tensor composed = Kernels[0].Copy(_stages[0].Plane);
        for (int k = 1; k < Kernels.Count; k++)
        {
            using Tensor before = composed, stage = Kernels[k].Copy(_stages[k].Plane);
            composed = _stages[k].IsDepthwise ? Spread(before, stage) : Composed(before, stage, options, ct);
        }
        using (composed)
        {
            KernelShape whole = new(composed.Shape[0], composed.Shape[1], composed.Shape[2], composed.Shape[3]) { IsSignal = _stages[0].IsSignal, Planes = _stages[0].Planes };
            return composed.Copy(whole.Sizes);
        }
    }

    /// <summary>||K - K'|| / ||K||, K' the chain's kernel; 0 for a kernel of zeros.</summary>
    /// <param name="kernel">K, outputs x channels x height x width.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public double ErrorAgainst(Tensor kernel, ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Tensor dense = ToDense(options, ct);
        if (!dense.Shape.SequenceEqual(kernel.Shape))
            throw TensorShapes.Mismatch($"{TensorShapes.Text([.. kernel.Shape])} is not what a chain of {TensorShapes.Text([.. dense.Shape])} stands for.");
        double norm = kernel.SquaredNorm();
        return norm == 0 ? 0 : Math.Sqrt(Sums.OfSquaredDifferences(kernel.Values, dense.Values) / norm);
    }

    /// <summary>Frees the kernels.</summary>
    public void Dispose()
    {
        foreach (Tensor kernel in Kernels)
            kernel.Dispose();
    }

    // Every channel of the kernel before by its own lines and columns.
    private static Tensor Spread(Tensor before, Tensor stage)
    {
        (int inputs, int height, int width) = (before.Shape[1], before.Shape[2], before.Shape[3]);
        (int outputs, int tall, int wide) = (stage.Shape[0], stage.Shape[2], stage.Shape[3]);
        (int lines, int columns) = (height + tall - 1, width + wide - 1);
        Tensor product = new(outputs, inputs, lines, columns);
        ReadOnlySpan<double> c = before.Values, s = stage.Values;
        Span<double> to = product.Values;
        for (int o = 0; o < outputs; o++)
        {
            for (int i = 0; i < inputs; i++)
            {
                for (int place = 0; place < tall * wide; place++)
                {
                    double factor = s[(o * tall * wide) + place];
                    int first = (((o * inputs) + i) * lines * columns) + (place / wide * columns) + (place % wide);
                    for (int y = 0; y < height; y++)
                    {
                        for (int x = 0; x < width; x++)
                            to[first + (y * columns) + x] += factor * c[(((((o * inputs) + i) * height) + y) * width) + x];
                    }
                }
            }
        }
        return product;
    }

    // One product of (outputs tall wide) x channels with channels x (inputs height width); then every entry to its place.
    private static Tensor Composed(Tensor before, Tensor stage, ComputeOptions? options, CancellationToken ct)
    {
        (int inputs, int height, int width) = (before.Shape[1], before.Shape[2], before.Shape[3]);
        (int outputs, int tall, int wide) = (stage.Shape[0], stage.Shape[2], stage.Shape[3]);
        using Tensor rows = TensorTranspose.Of(stage, stage.Shape, [0, 2, 3, 1], [outputs, tall, wide, stage.Shape[1]]);
        Tensor product = Tensor.Uninitialized(outputs, tall, wide, inputs, height, width);
        Gemm.Multiply(1, rows.Matricize(3), before.Matricize(1), 0, product.Matricize(3), options, ct);
        using (product)
        {
            // One of tall and height is 1, and one of wide and width: interleaving them is adding the places.
            return TensorTranspose.Of(product, product.Shape, [0, 3, 1, 4, 2, 5], [outputs, inputs, tall * height, wide * width]);
        }
    }
}
