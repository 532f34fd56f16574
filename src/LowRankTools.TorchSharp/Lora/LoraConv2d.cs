using LowRankTools.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>
/// A convolution whose kernel W (out x in / groups x k x k) is frozen and grows by s B A, whose entries are taken in the kernel's order: loralib's
/// <c>Conv2d</c>. A is (r k) x (in k), B is (out k / groups) x (r k).
/// </summary>
public sealed class LoraConv2d : LoraModule
{
    private readonly Conv2d _layer;

    /// <summary>Creates a layer on the parameters of a convolution; its kernel is frozen.</summary>
    /// <param name="layer">A convolution with a square kernel and a number of zeros around the image.</param>
    /// <param name="options">Rank and alpha.</param>
    /// <exception cref="LowRankToolsException">
    /// RankNotPositive; LoraOptionsInvalid: dropout, groups, starts from the weight and fan_in_fan_out are for linear layers; ShapesDoNotMatch: the kernel is not
    /// square, or the image is continued by something else than a number of zeros.
    /// </exception>
    public LoraConv2d(Conv2d layer, LoraOptions options)
        : base(nameof(LoraConv2d), Fitting(layer, options), layer.weight!, layer.bias, NewA(layer, options), NewB(layer, options)) => _layer = layer;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor kernel = Merged() ?? Weight + Delta();
        return nn.functional.conv2d(input, kernel, Bias, _layer.stride, _layer.padding, _layer.dilation, _layer.groups).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Delta()
    {
        using DisposeScope scope = NewDisposeScope();
        return B.mm(A).mul(Options.Scaling).reshape(Weight.shape).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        long size = Weight.shape[2];
        Conv2d dense = nn.Conv2d(_layer.in_channels, _layer.out_channels, (size, size), Pair(_layer.stride), Pair(_layer.padding!), Pair(_layer.dilation), groups: _layer.groups, bias: Bias is not null);
        dense.weight = Own(Sum());
        if (Bias is { } bias) dense.bias = Own(bias.detach().clone());
        dense.train(training);
        return dense;
    }

    private static (long, long) Pair(long[] sizes) => (sizes[0], sizes[^1]);

    private static LoraOptions Fitting(Conv2d layer, LoraOptions options)
    {
        options.CheckedPlain("convolutions");
        if (options.Dropout != 0) throw new LowRankToolsException("LoraOptionsInvalid", "Dropout is for linear layers.", "Leave it out for convolutions.");
        if (layer.weight!.shape[2] != layer.weight.shape[3] || layer.padding_mode != PaddingModes.Zeros || layer.padding is null)
            throw new LowRankToolsException("ShapesDoNotMatch", $"A kernel of {layer.weight.shape[2]} x {layer.weight.shape[3]}, or its padding ({layer.padding_mode}), is none that LoRA is defined for here.", "Leave this layer out.");
        return options;
    }

    private static Tensor NewA(Conv2d layer, LoraOptions options)
    {
        long size = layer.weight!.shape[2], inputs = layer.in_channels * size;
        double bound = 1 / Math.Sqrt(inputs);
        return empty(options.Rank * size, inputs).uniform_(-bound, bound).to(layer.weight.dtype).to(layer.weight.device);
    }

    private static Tensor NewB(Conv2d layer, LoraOptions options)
    {
        long size = layer.weight!.shape[2];
        return zeros(layer.out_channels / layer.groups * size, options.Rank * size, layer.weight.dtype, layer.weight.device);
    }
}
