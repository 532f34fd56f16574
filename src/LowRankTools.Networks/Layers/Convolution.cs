using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers;

/// <summary>
/// A convolution as a product of patches and kernel; where every channel is convolved by itself, without either. Images are rows of pixels x channels, line by line, one image after
/// another, and so are the outputs.
/// </summary>
public abstract class Convolution : Module
{
    private protected Convolution(ParameterFactory factory, int channels, int outputs, int[] kernel, int groups, bool bias)
    {
        if (groups < 1 || channels % groups != 0 || outputs % groups != 0)
            throw new LowRankToolsException("ShapesDoNotMatch", $"{channels} channels to {outputs} do not fall into {groups} groups.");
        (Channels, Outputs, Groups) = (channels, outputs, groups);
        double bound = Linear.Bound(channels / groups * kernel.Aggregate(1, (product, size) => product * size));
        Weight = AddParameter("weight", factory.Uniform(bound, [outputs, channels / groups, .. kernel]));
        if (bias) Bias = AddParameter("bias", factory.Uniform(bound, outputs));
    }

    private protected Convolution(Parameter weight, Parameter? bias, int groups)
    {
        (Channels, Outputs, Groups) = (weight.Shape[1] * groups, weight.Shape[0], groups);
        Weight = AddParameter("weight", weight);
        if (bias is not null) Bias = AddParameter("bias", bias);
    }

    /// <summary>Channels of an input.</summary>
    public int Channels { get; }

    /// <summary>Channels of an output.</summary>
    public int Outputs { get; }

    /// <summary>Groups of channels that do not see each other.</summary>
    public int Groups { get; }

    /// <summary>Outputs x channels of a group x the kernel's sizes.</summary>
    public Parameter Weight { get; }

    /// <summary>One entry an output channel, or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>How the kernel walks over an image.</summary>
    /// <param name="height">Lines.</param>
    /// <param name="width">Pixels of a line.</param>
    public abstract ConvolutionShape Shape(int height, int width);

    /// <summary>Convolves.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="x">(images height width) x channels; stays the caller's.</param>
    /// <param name="shape">From <see cref="Shape"/>.</param>
    /// <param name="activation">What follows.</param>
    /// <returns>(images output height output width) x outputs, the caller's.</returns>
    public ITensor Forward(Pass pass, ITensor x, ConvolutionShape shape, Activation activation = Activation.None)
    {
        int images = x.Shape[0] / Math.Max(1, shape.Height * shape.Width);
        ITensor sums = pass.New(x, images * shape.OutputHeight * shape.OutputWidth, Outputs);
        INetworkEngine engine = pass.Engine;
        ITensor kernel = Kernel(pass);
        if (IsDepthwise)
            engine.ConvolveChannels(shape, x, engine.AsMatrix(kernel), sums, pass.CancellationToken);
        for (int group = 0; group < Groups && !IsDepthwise; group++)
        {
            using ITensor? patches = Unfolded(pass, x, shape, group, sums.Shape[0]);
            engine.MatMul(1, patches ?? Input(engine, x, group), engine.Transpose(Part(engine, kernel, group)), 0, Output(engine, sums, group), pass.CancellationToken);
        }

        ITensor y = pass.IsTraining && activation != Activation.None ? pass.New(x, [.. sums.Shape]) : sums;
        if (Bias is not null || activation != Activation.None) engine.Activate(activation, sums, Bias?.Value, y, pass.CancellationToken);
        bool kept = !ReferenceEquals(y, sums);
        pass.Save(this, new State(x, kept ? sums : null, kernel, shape, activation), x, kept ? sums : null, kernel);
        if (kept) pass.Release(sums);
        ReleaseKernel(pass, kernel);
        return y;
    }

    /// <summary>The gradient of x; those of the parameters grow.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public ITensor Backward(Pass pass, ITensor gradient)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor? sums, ITensor kernel, ConvolutionShape shape, Activation activation) = pass.Restore<State>(this);
        if (sums is not null) engine.ActivateBackward(activation, sums, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        ITensor dx = pass.New(x, [.. x.Shape]);
        ITensor? dKernel = KernelGradient(pass);
        if (IsDepthwise)
            engine.ConvolveChannelsBackward(shape, x, engine.AsMatrix(kernel), gradient, dx, dKernel is null ? null : engine.AsMatrix(dKernel), ct);
        for (int group = 0; group < Groups && !IsDepthwise; group++)
        {
            ITensor dy = Output(engine, gradient, group), weight = Part(engine, kernel, group);
            using ITensor? patches = Unfolded(pass, x, shape, group, gradient.Shape[0]);
            if (dKernel is not null) engine.MatMul(1, engine.Transpose(dy), patches ?? Input(engine, x, group), 1, Part(engine, dKernel, group), ct);
            engine.MatMul(1, dy, weight, 0, patches ?? Input(engine, dx, group), ct);
            if (patches is not null) engine.Fold(shape, patches, Input(engine, dx, group), ct);
        }

        gradient.Dispose();
        if (dKernel is not null) TakeKernelGradient(pass, dKernel);
        return dx;
    }

    /// <summary>What one run convolves with, outputs x channels of a group x the kernel's sizes.</summary>
    private protected virtual ITensor Kernel(Pass pass) => Weight.Value;

    /// <summary>Releases it where it was made for the run.</summary>
    private protected virtual void ReleaseKernel(Pass pass, ITensor kernel)
    {
    }

    /// <summary>What the kernel's gradient is added to; null where nobody wants it.</summary>
    private protected virtual ITensor? KernelGradient(Pass pass) => Weight.Trainable ? Weight.GradientOn(pass.Engine) : null;

    /// <summary>Uses what was added.</summary>
    private protected virtual void TakeKernelGradient(Pass pass, ITensor gradient)
    {
    }

    private bool IsDepthwise => Groups > 1 && Groups == Channels && Groups == Outputs;

    /// <summary>The patches; null where they are the pixels themselves.</summary>
    private ITensor? Unfolded(Pass pass, ITensor x, ConvolutionShape shape, int group, int places)
    {
        if (shape is { KernelHeight: 1, KernelWidth: 1, Stride: (1, 1), Padding: (0, 0) })
            return null;
        ITensor patches = pass.New(x, places, Channels / Groups * shape.KernelHeight * shape.KernelWidth);
        pass.Engine.Unfold(shape, Input(pass.Engine, x, group), patches, pass.CancellationToken);
        return patches;
    }

    private ITensor Input(INetworkEngine engine, ITensor x, int group) => engine.Columns(x, group * (Channels / Groups), Channels / Groups);

    private ITensor Output(INetworkEngine engine, ITensor y, int group) => engine.Columns(y, group * (Outputs / Groups), Outputs / Groups);

    private ITensor Part(INetworkEngine engine, ITensor weight, int group) => engine.Slice(engine.AsMatrix(weight), group * (Outputs / Groups), Outputs / Groups);

    private sealed record State(ITensor X, ITensor? Sums, ITensor Kernel, ConvolutionShape Shape, Activation Activation);
}
