using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>
/// A convolution as a product of patches and kernel. Images are rows of pixels x channels, line by line, one image after
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
        for (int group = 0; group < Groups; group++)
        {
            using ITensor patches = Unfolded(pass, x, shape, group, sums.Shape[0]);
            engine.MatMul(1, patches, engine.Transpose(Part(engine, Weight.Value, group)), 0, Output(engine, sums, group), pass.CancellationToken);
        }

        ITensor y = pass.IsTraining && activation != Activation.None ? pass.New(x, [.. sums.Shape]) : sums;
        if (Bias is not null || activation != Activation.None) engine.Activate(activation, sums, Bias?.Value, y, pass.CancellationToken);
        if (!pass.IsTraining) return y;
        bool kept = !ReferenceEquals(y, sums);
        pass.Save(this, new State(x, kept ? sums : null, shape, activation), x, kept ? sums : null);
        if (kept) pass.Release(sums);
        return y;
    }

    /// <summary>The gradient of x; those of the parameters grow.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public ITensor Backward(Pass pass, ITensor gradient)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor? sums, ConvolutionShape shape, Activation activation) = pass.Restore<State>(this);
        if (sums is not null) engine.ActivateBackward(activation, sums, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        ITensor dx = pass.New(x, [.. x.Shape]);
        for (int group = 0; group < Groups; group++)
        {
            ITensor dy = Output(engine, gradient, group), weight = Part(engine, Weight.Value, group);
            using ITensor patches = Unfolded(pass, x, shape, group, gradient.Shape[0]);
            if (Weight.Trainable) engine.MatMul(1, engine.Transpose(dy), patches, 1, Part(engine, Weight.GradientOn(engine), group), ct);
            engine.MatMul(1, dy, weight, 0, patches, ct);
            engine.Fold(shape, patches, Input(engine, dx, group), ct);
        }

        gradient.Dispose();
        return dx;
    }

    private ITensor Unfolded(Pass pass, ITensor x, ConvolutionShape shape, int group, int places)
    {
        ITensor patches = pass.New(x, places, Channels / Groups * shape.KernelHeight * shape.KernelWidth);
        pass.Engine.Unfold(shape, Input(pass.Engine, x, group), patches, pass.CancellationToken);
        return patches;
    }

    private ITensor Input(INetworkEngine engine, ITensor x, int group) => engine.Columns(x, group * (Channels / Groups), Channels / Groups);

    private ITensor Output(INetworkEngine engine, ITensor y, int group) => engine.Columns(y, group * (Outputs / Groups), Outputs / Groups);

    private ITensor Part(INetworkEngine engine, ITensor weight, int group) => engine.Slice(engine.AsMatrix(weight), group * (Outputs / Groups), Outputs / Groups);

    private sealed record State(ITensor X, ITensor? Sums, ConvolutionShape Shape, Activation Activation);
}
