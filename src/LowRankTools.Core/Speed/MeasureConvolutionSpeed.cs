using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Core.Speed;

/// <summary>Times convolutions against chains of smaller ones on this machine.</summary>
/// <param name="options">Method, ratio, images, engine, time.</param>
public sealed class MeasureConvolutionSpeed(ConvolutionSpeedOptions options)
{
    /// <summary>Times one convolution; a result for each method.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="progress">Told about every method.</param>
    /// <param name="cancellationToken">Stops between and inside products.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>EngineUnavailable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ConvolutionSpeed> Run(MeasuredKernel layer, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        ConvolutionMethod[] methods = options.Method == FactorMethod.Auto
            ? [.. ConvolutionMethods.All.Where(m => m.Takes(layer.Shape))] : [ConvolutionMethods.For(options.Method.ToString(), layer.Shape)];
        List<ConvolutionSpeed> results = [];
        foreach (ConvolutionMethod method in methods)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Measuring", $"{layer.Name}, {method.Name}", results.Count, methods.Length));
            results.Add(Measure(layer, method, cancellationToken));
        }
        return results;
    }

    private ConvolutionSpeed Measure(MeasuredKernel layer, ConvolutionMethod method, CancellationToken cancellationToken)
    {
        KernelShape kernel = layer.Shape;
        IReadOnlyList<int> ranks = method.RanksWithin(kernel, options.KeepRatio * kernel.Length);
        SelectedEngine selected = EngineSelector.Select(options.Engine);
        INetworkEngine engine = selected.CreateForNetworks(options.ThreadCount);
        ConvolutionOptions walk = new() { Padding = (kernel.Height / 2, kernel.Width / 2), Bias = false };
        ParameterFactory factory = new(engine);
        using Conv2d dense = new(factory, kernel.Channels, kernel.Outputs, (kernel.Height, kernel.Width), walk);
        using FactorizedConv2d chain = new(factory, method, kernel, ranks, walk);
        using ITensor images = engine.Random(1, checked(options.BatchSize * options.Height * options.Width), kernel.Channels);
        ConvolutionShape shape = dense.Shape(options.Height, options.Width);
        IReadOnlyList<RunTimes> times = new AlternatingTimer(options.Timing).Measure(
        [
            () => DeviceWait.Run(engine, pass => dense.Forward(pass, images, shape), cancellationToken),
            () => DeviceWait.Run(engine, pass => chain.Forward(pass, images, shape), cancellationToken),
        ], cancellationToken: cancellationToken);
        return new ConvolutionSpeed
        {
            Name = layer.Name,
            Path = layer.Path,
            Layers = layer.Layers,
            Shape = [.. kernel.Sizes.Select(s => (long)s)],
            ImageSize = [options.Height, options.Width],
            BatchSize = options.BatchSize,
            Method = method.Name,
            Ranks = [.. ranks.Select(r => (long)r)],
            ParametersBefore = kernel.Length,
            Parameters = method.Parameters(kernel, ranks),
            Dense = times[0],
            Chain = times[1],
            DenseFlops = 2 * options.BatchSize * (long)shape.OutputHeight * shape.OutputWidth * kernel.Length,
            ChainFlops = Flops(chain),
            Engine = selected.ToString(),
            InstructionSet = engine.Info.InstructionSet,
            ThreadCount = engine.Info.ThreadCount,
        };
    }

    private long Flops(FactorizedConv2d chain)
    {
        long flops = 0;
        (int height, int width) = (options.Height, options.Width);
        foreach (Conv2d stage in chain.Stages)
        {
            ConvolutionShape shape = stage.Shape(height, width);
            (height, width) = (shape.OutputHeight, shape.OutputWidth);
            flops += 2L * options.BatchSize * height * width * stage.Weight.Length;
        }
        return flops;
    }
}
