using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Commands;

// Layers over activations of several modes.
public sealed partial class MeasureLayerSpeedCommand
{
    private const string ModesSet = nameof(InputShape);

    /// <summary>Modes of activations that a contraction or regression layer takes, such as 64x7x7.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ModesSet)]
    [ValidateNotNullOrEmpty]
    public string? InputShape { get; set; }

    /// <summary>Modes that it gives, such as 10 or 16x4x4.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ModesSet)]
    [ValidateNotNullOrEmpty]
    public string? OutputShape { get; set; }

    private ContractionMethod? Contracted => Method is null || Method.Equals(nameof(FactorMethod.Auto), StringComparison.OrdinalIgnoreCase) ? null
        : Enum.TryParse(Method, ignoreCase: true, out ContractionMethod known) ? known
        : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{Method} is for convolutions and matrices, and not for activations of several modes.", "Choose Contraction, Cp, Tucker or TensorTrain.");

    private void CheckModes()
    {
        bool contracts = ParameterSetName == ModesSet;
        if (contracts && ModeSplit is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "The modes of activations are not split.", "Leave -ModeSplit out.");
        if (!contracts && Method?.Equals(nameof(ContractionMethod.Contraction), StringComparison.OrdinalIgnoreCase) == true)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A contraction is for activations of several modes.", "Give -InputShape and -OutputShape, such as 64x7x7 and 16x4x4.");
    }

    private void MeasureContractions(string input, string output)
    {
        TimingOptions timing = new();
        MeasureContractionSpeed operation = new(new ContractionSpeedOptions
        {
            Method = Contracted,
            Ranks = Rank,
            KeepRatio = KeepRatio,
            BatchSize = BatchSize,
            Engine = Choice(Engine, Device),
            ThreadCount = ThreadCount,
            Timing = Runs > 0 ? timing.WithRuns(Runs) : timing,
        });
        Dimensions from = Dimensions.Parse(input), to = Dimensions.Parse(output);
        Stream($"{from} to {to}", (progress, token) => operation.Run(from, to, progress, token), WriteObject);
    }
}
