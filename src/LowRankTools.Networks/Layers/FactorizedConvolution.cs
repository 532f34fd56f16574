using System.Globalization;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Networks.Layers;

/// <summary>
/// A chain of smaller convolutions in place of one, by a <see cref="ConvolutionMethod"/>: Tucker-2, CP, across space, or a pair. It prints, and
/// names its parameters, as the Sequential of convolutions that PyTorch makes of it: <c>0.weight</c> is applied first, the last one has the bias.
/// Stride, padding and dilation of a side are those of the one stage that has the kernel's size along it.
/// </summary>
public abstract class FactorizedConvolution : Module
{
    private readonly Slot<Convolution>[] _stages;
    private readonly IReadOnlyList<ConvolutionStage> _chain;

    private protected FactorizedConvolution(ConvolutionMethod method, KernelShape kernel, IReadOnlyList<int> ranks, ConvolutionOptions options, Func<ConvolutionStage, ConvolutionOptions, Convolution> make)
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

    /// <inheritdoc/>
    public override string TypeName => nameof(Sequential);

    /// <summary>Stride, padding and the rest of the whole.</summary>
    internal ConvolutionOptions Options { get; }

    /// <summary>The convolutions, in the order in which they are applied.</summary>
    private protected IEnumerable<Convolution> Parts => _stages.Select(s => s.Module);

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
            Convolution stage = _stages[i].Module;
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

    /// <summary>The kernels of a chain near one kernel, as parameters of its element type.</summary>
    private protected static IEnumerable<Parameter> Kernels(INetworkEngine engine, Parameter dense, ConvolutionMethod method, IReadOnlyList<int> ranks, ComputeOptions? options, CancellationToken ct)
    {
        ITensor weight = dense.Value;
        using Tensor kernel = Tensor.From(engine.ToArray(weight), [.. weight.Shape]);
        using ConvolutionChain chain = method.Decompose(kernel, ranks, options ?? ComputeOptions.Default, null, ct);
        return
        [
            .. chain.Kernels.Select(k =>
            {
                using ITensor values = engine.FromDoubles(k.Values, [.. k.Shape]);
                return new Parameter([.. k.Shape]) { Value = engine.Copy(values, weight.ElementType) };
            }),
        ];
    }

    /// <summary>The one kernel that does what the chain does.</summary>
    private protected Parameter DenseKernel(INetworkEngine engine, CancellationToken ct)
    {
        ITensor[] values = [.. Parts.Select(s => s.Weight.Value)];
        using ConvolutionChain chain = new(_chain, [.. values.Select(v => Tensor.From(engine.ToArray(v), [.. v.Shape]))]);
        using Tensor kernel = chain.ToDense(null, ct);
        using ITensor dense = engine.FromDoubles(kernel.Values, Kernel.Sizes);
        return new Parameter(Kernel.Sizes) { Value = engine.Copy(dense, values[0].ElementType) };
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
