using System.Management.Automation;
using LowRankTools.Core.Models;
using LowRankTools.Core.Speed;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Times the forward runs of models on this machine.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "ModelSpeed", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ModelSpeed))]
public sealed class MeasureModelSpeedCommand : EngineCommandBase
{
    private ModelSource? _reference;
    private MeasureModelSpeed? _operation;

    /// <summary>A model that takes turns with each of the others and that they are compared with.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? ReferencePath { get; set; }

    /// <summary>Ranks at which each model is timed once more, factorized in memory.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int[] Rank { get; set; } = [];

    /// <summary>Sequences, pairs of sequences or images at once.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = 1;

    /// <summary>Tokens of a sequence; by default the network's positions, 512 at most.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int SequenceLength { get; set; }

    /// <summary>Timed runs; by default as many as steady medians take.</summary>
    [Parameter, ValidateRange(1, 100_000)]
    public int Runs { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (ReferencePath is not null)
            Required(ReferencePath, () => _reference = OneModel(ReferencePath));
        ModelSpeedOptions options = new()
        {
            Ranks = Rank,
            BatchSize = BatchSize,
            SequenceLength = SequenceLength > 0 ? SequenceLength : null,
            Engine = ChosenEngine,
            ThreadCount = ThreadCount,
        };
        _operation = new MeasureModelSpeed(Runs > 0 ? options with { Timing = options.Timing.WithRuns(Runs) } : options);
    }

    private protected override void ProcessModel(ModelSource source)
    {
        ModelSource[] models = _reference is null ? [source] : [_reference, source];
        Stream(source.Name, (progress, token) => _operation!.Run(models, progress, token), WriteObject);
    }
}
