using System.Management.Automation;
using LowRankTools.Core;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Trains factorized models to do what the original does.</summary>
[Cmdlet(VerbsCommon.Optimize, "LowRankModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(OptimizeResult))]
public sealed class OptimizeLowRankModelCommand : TextCommandBase
{
    private readonly OutputClaims _claims = new();
    private ModelSource? _reference;
    private OptimizeOptions? _options;

    /// <summary>The original: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string ReferencePath { get; set; } = string.Empty;

    /// <summary>A weight file, or a folder in which each model gets a folder of its name; beside the source by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Steps of the optimizer.</summary>
    [Parameter, ValidateRange(1, 100_000_000)]
    public int Steps { get; set; } = 500;

    /// <summary>Largest learning rate of Adam.</summary>
    [Parameter]
    public double LearningRate { get; set; } = 3e-4;

    /// <summary>What the models are brought nearer to.</summary>
    [Parameter, ValidateSet("Auto", "Embedding", "States", "StatesAndEmbedding", "Scores", "NextToken")]
    public string Goal { get; set; } = "Auto";

    /// <summary>Temperature of the goal Scores.</summary>
    [Parameter]
    public double Temperature { get; set; } = 1;

    /// <summary>Whether everything is trained, and not the pairs alone.</summary>
    [Parameter]
    public SwitchParameter TrainAll { get; set; }

    /// <summary>Share of the lines that are not trained on.</summary>
    [Parameter]
    public double HeldOut { get; set; } = 0.1;

    /// <summary>File to save the training in; where it exists, the training goes on from it.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? CheckpointPath { get; set; }

    /// <summary>Steps from one saving to the next.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int CheckpointEvery { get; set; } = 100;

    /// <summary>Chooses the held-out lines and the order of the others; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>Whether existing output is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(ReferencePath, () =>
        {
            _options = new OptimizeOptions
            {
                Input = Input, OutputPath = OutputPath is null ? null : Resolver.Literal(OutputPath), Steps = Steps, LearningRate = LearningRate,
                BatchSize = MyInvocation.BoundParameters.ContainsKey(nameof(BatchSize)) ? BatchSize : OptimizeOptions.DefaultBatchSize,
                Goal = Enum.Parse<DistillationGoal>(Goal, ignoreCase: true), Temperature = Temperature, Pooling = ChosenPooling, TrainAll = TrainAll, HeldOut = HeldOut, Seed = (ulong)Seed,
                CheckpointPath = CheckpointPath is null ? null : Resolver.Literal(CheckpointPath), CheckpointEvery = CheckpointEvery, Engine = ChosenEngine, ThreadCount = ThreadCount, Force = Force,
            };
            _options.Validate();
            _reference = OneModel(ReferencePath);
        });
    }

    private protected override void ProcessModel(ModelSource source)
    {
        OutputLocation location = new OptimizeModel(_options!, _reference!).Location(source);
        _claims.Claim(location, source);
        string what = SafeText.Line($"Train '{source.Path}' towards '{_reference!.Path}' and write '{location.WeightsPath}'");
        bool write = ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason);
        if (!write && reason != ShouldProcessReason.WhatIf)
            return;
        OptimizeResult result = Run(source.Name, (progress, token) => new OptimizeModel(_options! with { WhatIf = !write }, _reference!).Run(source, progress, token));
        if (result.Note.Length > 0)
            Warn(result.Note);
        WriteObject(result);
    }
}
