using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Commands;

// Convolutions, kernels of four sizes or layers where a method of theirs is named, and TT-matrices and pivoted pairs.
public sealed partial class MeasureLayerSpeedCommand
{
    /// <summary>Chain that convolutions are timed against, Auto for all of them, or TensorTrain or Pivoted for matrices; with -InputShape the layer. With a chain, piped layers are convolutions.</summary>
    [Parameter, ValidateSet("Svd", "Tucker", "Cp", "SpatialSvd", "TensorTrain", "Pivoted", "Contraction", "Auto")]
    public string? Method { get; set; }

    /// <summary>Most of its parameters that a chain, a TT-matrix or a pivoted pair keeps.</summary>
    [Parameter]
    public double KeepRatio { get; set; } = 0.5;

    /// <summary>Lines x pixels of the images that convolutions are called with.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string ImageSize { get; set; } = "32x32";

    /// <summary>Modes that TensorTrain splits a size into, such as 4x8x8x4 for 1024; sizes without any are split evenly.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string[]? ModeSplit { get; set; }

    private bool IsTrain => Method?.Equals(nameof(FactorMethod.TensorTrain), StringComparison.OrdinalIgnoreCase) == true;

    private bool IsOfMatrices => IsTrain || Method?.Equals(nameof(FactorMethod.Pivoted), StringComparison.OrdinalIgnoreCase) == true;

    private void CheckSplits()
    {
        if (ModeSplit is not null && !IsTrain)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Only TensorTrain splits sizes into modes.", "Give -Method TensorTrain, or leave -ModeSplit out.");
    }

    private void MeasureFactors(MeasuredLayer layer)
    {
        TimingOptions timing = Runs > 0 ? new TimingOptions().WithRuns(Runs) : new TimingOptions();
        if (IsTrain)
        {
            MeasureTrainSpeed trains = new(new TrainSpeedOptions
            {
                Ranks = Rank, Splits = [.. (ModeSplit ?? []).Select(ModeSplits.Parse)], KeepRatio = KeepRatio, BatchSize = BatchSize, Engine = Choice(Engine, Device), ThreadCount = ThreadCount, Timing = timing,
            });
            Stream(layer.Name, (progress, token) => trains.Run(layer, progress, token), WriteObject);
            return;
        }
        MeasurePivotedSpeed pairs = new(new PivotedSpeedOptions { Ranks = Rank, KeepRatio = KeepRatio, BatchSize = BatchSize, Engine = Choice(Engine, Device), ThreadCount = ThreadCount, Timing = timing });
        Stream(layer.Name, (progress, token) => pairs.Run(layer, progress, token), WriteObject);
    }

    private void Measure(MeasuredKernel kernel)
    {
        if (IsOfMatrices)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{Method} is for matrices, and a kernel has four sizes.", "Choose a chain of convolutions.");
        if (Rank.Length > 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "The ranks of a chain of convolutions follow from the share that it keeps.", "Give -KeepRatio in place of -Rank.");
        Dimensions size = Dimensions.Parse(ImageSize);
        if (size.Count != 2 || size.Sizes.Any(s => s is < 1 or > 1 << 15))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{ImageSize}' is no size of an image.", "-ImageSize is lines x pixels, such as 32x32.");
        TimingOptions timing = new();
        MeasureConvolutionSpeed operation = new(new ConvolutionSpeedOptions
        {
            Method = Enum.Parse<FactorMethod>(Method ?? nameof(FactorMethod.Auto), ignoreCase: true),
            KeepRatio = KeepRatio,
            Height = (int)size[0],
            Width = (int)size[1],
            BatchSize = MyInvocation.BoundParameters.ContainsKey(nameof(BatchSize)) ? BatchSize : 1,
            Engine = Choice(Engine, Device),
            ThreadCount = ThreadCount,
            Timing = Runs > 0 ? timing.WithRuns(Runs) : timing,
        });
        Stream(kernel.Name, (progress, token) => operation.Run(kernel, progress, token), WriteObject);
    }

    private void MeasureConvolutions()
    {
        IReadOnlyList<MeasuredKernel> distinct = MeasuredKernel.Distinct(_layers);
        foreach (MeasuredKernel kernel in distinct)
            Guarded(kernel.Name, () => Measure(kernel));
        if (_layers.Count > 0 && distinct.Count == 0)
        {
            Guarded(_layers[0].Name, () => throw new LowRankToolsException(CoreErrors.LayerNotFound,
                $"None of the {_layers.Count} tensors in the pipeline is the kernel of a convolution over lines and columns that is still dense.", "Pipe layers of kind Conv2d, or leave -Method out."));
        }
    }
}
