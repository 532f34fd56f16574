using System.Globalization;
using LowRankTools.Decompositions;
using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>
/// A chain of smaller convolutions in place of one, by a <see cref="ConvolutionMethod"/>: Tucker-2, CP, across space, or a pair. It prints, and
/// names its parameters, as the Sequential of Conv2d that PyTorch makes of it: <c>0.weight</c> is applied first, the last one has the bias.
/// Stride, padding and dilation of a side are those of the one stage that has the kernel's size along it.
/// </summary>
public sealed class FactorizedConv2d : Module
{
    private readonly Slot<Conv2d>[] _stages;
    private readonly IReadOnlyList<ConvolutionStage> _chain;

    /// <summary>Creates a chain with a fresh start.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="method">What chain.</param>
    /// <param name="kernel">Shape of the kernel that it stands for.</param>
    /// <param name="ranks">Ranks of the method.</param>
    /// <param name="options">Stride, padding, dilation and bias of the whole; null for the defaults.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch: no chain has these ranks, or there are groups.</exception>
    public FactorizedConv2d(ParameterFactory factory, ConvolutionMethod method, KernelShape kernel, IReadOnlyList<int> ranks, ConvolutionOptions? options = null)
        : this(method, kernel, ranks, options ?? new(), (stage, own) => new Conv2d(factory, stage.Channels, stage.Outputs, (stage.Height, stage.Width), own))
    {
    }

    private FactorizedConv2d(ConvolutionMethod method, KernelShape kernel, IReadOnlyList<int> ranks, ConvolutionOptions options, Func<ConvolutionStage, ConvolutionOptions, Conv2d> make)
    {
        if (options.Groups != 1)
            throw new LowRankToolsException("ShapesDoNotMatch", $"A convolution in {options.Groups} groups is no chain.", "Leave this layer out.");
        _chain = method.Stages(kernel, ranks);
        (Method, Kernel, Ranks, Options) = (method.Name, kernel, [.. ranks], options);
        _stages = [.. _chain.Select((stage, i) => AddChild(i.ToString(CultureInfo.InvariantCulture), make(stage, OptionsOf(stage, options, isLast: i == _chain.Count - 1))))];
    }

    /// <summary>Name of the method.</summary>
    public string Method { get; }

    /// <summary>Shape of the kernel that the chain stands for.</summary>
    public KernelShape Kernel { get; }

    /// <summary>Ranks of the method.</summary>
    public IReadOnlyList<int> Ranks { get; }

    /// <summary>The convolutions, in the order in which they are applied.</summary>
    public IReadOnlyList<Conv2d> Stages => [.. _stages.Select(s => s.Module)];

    /// <inheritdoc/>
    public override string TypeName => nameof(Sequential);

    /// <summary>Stride, padding and the rest of the whole.</summary>
    internal ConvolutionOptions Options { get; }

    /// <summary>The chain of a convolution whose kernel has entries; the bias is shared with it.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="layer">The convolution, in one group.</param>
    /// <param name="method">What chain.</param>
    /// <param name="ranks">Ranks of the method.</param>
    /// <param name="options">Threads and seed; null for the defaults.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, ParameterNotLoaded, NonFiniteValues.</exception>
    public static FactorizedConv2d FromDense(INetworkEngine engine, Conv2d layer, ConvolutionMethod method, IReadOnlyList<int> ranks, ComputeOptions? options = null, CancellationToken ct = default)
    {
        ITensor weight = layer.Weight.Value;
        using Tensor kernel = Tensor.From(engine.ToArray(weight), [.. weight.Shape]);
        using ConvolutionChain chain = method.Decompose(kernel, ranks, options ?? ComputeOptions.Default, null, ct);
        int next = 0;
        return new FactorizedConv2d(method, ConvolutionMethod.ShapeOf(kernel), ranks, layer.Options, (stage, own) =>
        {
            using ITensor values = engine.FromDoubles(chain.Kernels[next++].Values, stage.Shape);
            Parameter parameter = new(stage.Shape) { Value = engine.Copy(values, weight.ElementType) };
            return new Conv2d(parameter, own.Bias ? layer.Bias : null, own);
        });
    }

    /// <summary>How the first stage's input and the last one's output lie: the shape of the whole convolution's walk.</summary>
    /// <param name="height">Lines.</param>
    /// <param name="width">Pixels of a line.</param>
    public ConvolutionShape Shape(int height, int width) =>
        new(height, width, Kernel.Height, Kernel.Width) { Stride = Options.Stride, Padding = Options.Padding, Dilation = Options.Dilation };

    /// <summary>Convolves with one stage after the other.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="x">(images height width) x channels; stays the caller's.</param>
    /// <param name="shape">From <see cref="Shape"/>.</param>
    /// <param name="activation">What follows.</param>
    /// <returns>(images output height output width) x outputs, the caller's.</returns>
    public ITensor Forward(Pass pass, ITensor x, ConvolutionShape shape, Activation activation = Activation.None)
    {
        (int height, int width) = (shape.Height, shape.Width);
        ITensor current = x;
        for (int i = 0; i < _stages.Length; i++)
        {
            Conv2d stage = _stages[i].Module;
            ConvolutionShape own = stage.Shape(height, width);
            ITensor next = stage.Forward(pass, current, own, i == _stages.Length - 1 ? activation : Activation.None);
            if (!ReferenceEquals(current, x)) pass.Release(current);
            (current, height, width) = (next, own.OutputHeight, own.OutputWidth);
        }

        return current;
    }

    /// <summary>The gradient of x; those of the parameters grow.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public ITensor Backward(Pass pass, ITensor gradient)
    {
        for (int i = _stages.Length - 1; i >= 0; i--) gradient = _stages[i].Module.Backward(pass, gradient);
        return gradient;
    }

    /// <summary>The one convolution that does the same; it shares the bias.</summary>
    /// <param name="engine">Where its kernel lives.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ParameterNotLoaded.</exception>
    public Conv2d ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        ITensor[] values = [.. _stages.Select(s => s.Module.Weight.Value)];
        using ConvolutionChain chain = new(_chain, [.. values.Select(v => Tensor.From(engine.ToArray(v), [.. v.Shape]))]);
        using Tensor kernel = chain.ToDense(null, ct);
        using ITensor dense = engine.FromDoubles(kernel.Values, Kernel.Sizes);
        return new Conv2d(new Parameter(Kernel.Sizes) { Value = engine.Copy(dense, values[0].ElementType) }, _stages[^1].Module.Bias, Options);
    }

    private static ConvolutionOptions OptionsOf(ConvolutionStage stage, ConvolutionOptions whole, bool isLast) => new()
    {
        Stride = (stage.TakesHeight ? whole.Stride.Height : 1, stage.TakesWidth ? whole.Stride.Width : 1),
        Padding = (stage.TakesHeight ? whole.Padding.Height : 0, stage.TakesWidth ? whole.Padding.Width : 0),
        Dilation = (stage.TakesHeight ? whole.Dilation.Height : 1, stage.TakesWidth ? whole.Dilation.Width : 1),
        Groups = stage.Groups,
        Bias = whole.Bias && isLast,
    };
}
