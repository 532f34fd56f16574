using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A convolution with a frozen kernel W (out x in / groups x k x k) and a pair whose product, B A of (out k / groups) x (in k), holds
/// the entries of the kernel's change in the kernel's order: loralib's <c>Conv2d</c> with A of (r k) x (in k) and B of (out k / groups)
/// x (r k). A run convolves once, with W + s B A; the way back splits the gradient of that one kernel. loralib names W
/// <c>conv.weight</c>; here it keeps the name <c>weight</c>, under which base models have it.
/// </summary>
public sealed class LoraConv2d : Convolution, ILoraLayer
{
    private readonly ConvolutionOptions _convolution;
    private ITensor? _merged;

    /// <summary>Creates a layer with a fresh kernel.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="channels">Channels of an input.</param>
    /// <param name="outputs">Channels of an output.</param>
    /// <param name="kernel">Lines, and columns, of the kernel.</param>
    /// <param name="options">Rank and alpha.</param>
    /// <param name="convolution">Stride, padding, dilation, groups, bias; null for the defaults.</param>
    public LoraConv2d(ParameterFactory factory, int channels, int outputs, int kernel, LoraOptions options, ConvolutionOptions? convolution = null)
        : this(factory, new Conv2d(factory, channels, outputs, (kernel, kernel), convolution), options)
    {
    }

    /// <summary>Creates a layer on the parameters of a convolution; its kernel is frozen.</summary>
    /// <param name="factory">Makes A and B.</param>
    /// <param name="layer">A convolution with a square kernel.</param>
    /// <param name="options">Rank and alpha.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive; LoraOptionsInvalid: dropout, groups and starts from W are for linear layers; ShapesDoNotMatch: the kernel is not square.</exception>
    public LoraConv2d(ParameterFactory factory, Conv2d layer, LoraOptions options)
        : base(layer.Weight, layer.Bias, layer.Groups)
    {
        options.CheckPlain("convolutions");
        int size = Weight.Shape[2];
        if (Weight.Shape[3] != size) throw new LowRankToolsException("ShapesDoNotMatch", $"A kernel of {size} x {Weight.Shape[3]} is not square.", "Leave this layer out.");
        (Options, _convolution) = (options, layer.Options);
        A = AddParameter("lora_A", factory.Uniform(Linear.Bound(Channels * size), options.Rank * size, Channels * size));
        B = AddParameter("lora_B", factory.Constant(0, Outputs / Groups * size, options.Rank * size));
        Weight.Trainable = false;
    }

    /// <inheritdoc/>
    public LoraOptions Options { get; }

    /// <summary>A, (r k) x (in k).</summary>
    public Parameter A { get; }

    /// <summary>B, (out k / groups) x (r k).</summary>
    public Parameter B { get; }

    /// <inheritdoc/>
    public bool IsMerged => _merged is not null;

    /// <inheritdoc/>
    protected override string Arguments =>
        $"{Channels}, {Outputs}, kernel_size=({Weight.Shape[2]}, {Weight.Shape[3]}), {_convolution.Text(pair => pair.ToString())}, {Options.Text}";

    /// <inheritdoc/>
    public override ConvolutionShape Shape(int height, int width) =>
        new(height, width, Weight.Shape[2], Weight.Shape[3]) { Stride = _convolution.Stride, Padding = _convolution.Padding, Dilation = _convolution.Dilation };

    /// <inheritdoc/>
    public ITensor Delta(INetworkEngine engine, CancellationToken ct = default)
    {
        using ITensor product = engine.Uninitialized(A.Value.ElementType, B.Shape[0], A.Shape[1]);
        engine.MatMul(Options.Scaling, B.Value, A.Value, 0, product, ct);
        return engine.Reshape(product, [.. Weight.Shape]);
    }

    /// <inheritdoc/>
    public void Merge(INetworkEngine engine, CancellationToken ct = default) => _merged ??= Sum(engine, ct);

    /// <inheritdoc/>
    public void Unmerge()
    {
        _merged?.Dispose();
        _merged = null;
    }

    /// <inheritdoc/>
    public Module ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        var weight = new Parameter([.. Weight.Shape]);
        if (Weight.IsLoaded) weight.Value = Sum(engine, ct);
        return new Conv2d(weight, Bias, _convolution);
    }

    private protected override void FreeOwn() => Unmerge();

    private protected override ITensor Kernel(Pass pass)
    {
        if (pass.IsTraining) LoraModes.RequireUnmerged(this, this);
        return _merged ?? Sum(pass.Engine, pass.CancellationToken);
    }

    private protected override void ReleaseKernel(Pass pass, ITensor kernel)
    {
        if (!ReferenceEquals(kernel, _merged)) pass.Release(kernel);
    }

    private protected override ITensor? KernelGradient(Pass pass) => pass.Engine.Create(Weight.Value.ElementType, [.. Weight.Shape]);

    private protected override void TakeKernelGradient(Pass pass, ITensor gradient)
    {
        // With G = dL/d(B A): dB = s G A^T and dA = s B^T G.
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        using ITensor matrix = engine.Reshape(gradient, B.Shape[0], A.Shape[1]);
        if (B.Trainable)
        {
            ITensor total = B.GradientOn(engine, out double beta);
            engine.MatMul(Options.Scaling, matrix, engine.Transpose(A.Value), beta, total, ct);
        }

        if (A.Trainable)
        {
            ITensor total = A.GradientOn(engine, out double beta);
            engine.MatMul(Options.Scaling, engine.Transpose(B.Value), matrix, beta, total, ct);
        }

        if (Weight.Trainable) engine.AddScaled(1, gradient, 1, Weight.GradientOn(engine));
        gradient.Dispose();
    }

    private ITensor Sum(INetworkEngine engine, CancellationToken ct)
    {
        ITensor sum = Delta(engine, ct);
        engine.AddScaled(1, Weight.Value, 1, sum);
        return sum;
    }
}
