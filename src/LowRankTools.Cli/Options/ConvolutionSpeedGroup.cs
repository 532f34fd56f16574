using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Options;

/// <summary>Options of <c>lowrank speed</c> that are about convolutions, TT-matrices and pivoted pairs, and what they ask for.</summary>
internal sealed class ConvolutionSpeedGroup
{
    private readonly Option<MeasuredKernel[]> _kernels = SharedOptions.List("--kernel", "Kernels of convolutions, outputs x channels x height x width, with commas between them: 128x64x3x3.", "shape",
        text => MeasuredKernel.Parse(text) ?? throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' is no kernel.", "A kernel is outputs x channels x height x width."));
    private readonly Option<string?> _method = SharedOptions.Choice("--method", "With --kernel: the chain of convolutions; auto, the default, for all of them. With --shape: tensortrain or pivoted.", Enum.GetNames<FactorMethod>());
    private readonly Option<double?> _keepRatio = SharedOptions.Number<double>("--keep-ratio", "With --method or --input-shape: most of its parameters that a chain, a TT-matrix, a pivoted pair or a decomposed weight keeps; 0.5 by default.", r => r is > 0 and < 1, "a ratio lies between 0 and 1");
    private readonly Option<IReadOnlyList<int>[]> _splits = MethodOption.Splits();
    private readonly Option<Dimensions[]> _imageSize = SharedOptions.List("--image-size", "With --kernel: lines x pixels of an image; 32x32 by default.", "size", ImageSize);

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _kernels, _method, _keepRatio, _splits, _imageSize })
            command.Add(option);
    }

    public bool IsAsked(ParseResult parsed) => parsed.GetResult(_kernels) is not null;

    public double? KeepRatio(ParseResult parsed) => parsed.GetValue(_keepRatio);

    public FactorMethod? Method(ParseResult parsed) => MethodOption.Choice(parsed.GetValue(_method));

    public int RunTrains(ParseResult parsed, TrainSpeedOptions options, MatrixShape[] shapes, ConsoleContext console, bool json)
    {
        MeasureTrainSpeed operation = new(options with { KeepRatio = parsed.GetValue(_keepRatio) ?? options.KeepRatio, Splits = parsed.GetValue(_splits) ?? options.Splits });
        return Each(shapes, operation.Run, TrainSpeedReport.Write, console, json);
    }

    public int RunPivoted(ParseResult parsed, PivotedSpeedOptions options, MatrixShape[] shapes, ConsoleContext console, bool json)
    {
        MeasurePivotedSpeed operation = new(options with { KeepRatio = parsed.GetValue(_keepRatio) ?? options.KeepRatio });
        return Each(shapes, operation.Run, PivotedSpeedReport.Write, console, json);
    }

    /// <summary>Whether sizes are to be split for what splits none.</summary>
    public bool SplitsInVain(CommandResult result) => result.GetResult(_splits) is not null && MethodOption.Choice(result.GetValue(_method)) != FactorMethod.TensorTrain;

    public bool IsAsked(CommandResult result) => result.GetResult(_kernels) is not null;

    public int Run(ParseResult parsed, ConvolutionSpeedOptions options, ConsoleContext console, bool json)
    {
        Dimensions size = parsed.GetValue(_imageSize) is { Length: > 0 } sizes ? sizes[^1] : [options.Height, options.Width];
        MeasureConvolutionSpeed operation = new(options with
        {
            Method = MethodOption.Choice(parsed.GetValue(_method)) ?? FactorMethod.Auto,
            KeepRatio = parsed.GetValue(_keepRatio) ?? options.KeepRatio,
            Height = (int)size[0],
            Width = (int)size[1],
        });
        Attempts attempts = new(console);
        List<ConvolutionSpeed> results = [];
        foreach (MeasuredKernel kernel in parsed.GetValue(_kernels) ?? [])
            attempts.Try(kernel.Name, () => results.AddRange(ProgressBar.Run(console, progress => operation.Run(kernel, progress, console.Cancellation))));
        if (json)
            results.ForEach(speed => JsonLines.Write(console.Out, speed));
        else
            ConvolutionSpeedReport.Write(results, console);
        return attempts.Code;
    }

    private static int Each<T>(MatrixShape[] shapes, Func<MeasuredLayer, IProgress<OperationProgress>?, CancellationToken, IReadOnlyList<T>> measure, Action<IReadOnlyList<T>, ConsoleContext> report, ConsoleContext console, bool json)
        where T : class
    {
        Attempts attempts = new(console);
        List<T> results = [];
        foreach (MatrixShape shape in shapes)
            attempts.Try(shape.ToString(), () => results.AddRange(ProgressBar.Run(console, progress => measure(MeasuredLayer.Of(shape), progress, console.Cancellation))));
        if (json)
            results.ForEach(speed => JsonLines.Write(console.Out, speed));
        else
            report(results, console);
        return attempts.Code;
    }

    private static Dimensions ImageSize(string text) => Dimensions.Parse(text) is { Count: 2 } size && size.Sizes.All(s => s is >= 1 and <= 1 << 15) ? size
        : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{text}' is no size of an image.", "A size is lines x pixels, such as 32x32.");
}
