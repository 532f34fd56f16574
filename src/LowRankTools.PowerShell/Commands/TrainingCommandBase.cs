using System.Management.Automation;
using LowRankTools.Core.Training;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that trains on a text.</summary>
public abstract class TrainingCommandBase : TextCommandBase
{
    /// <summary>The right class of each line of the text, for classifiers: a file with one a line.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? LabelPath { get; set; }

    /// <summary>Steps of the optimizer.</summary>
    [Parameter, ValidateRange(1, 100_000_000)]
    public int Steps { get; set; } = 500;

    /// <summary>Largest learning rate of Adam.</summary>
    [Parameter]
    public double LearningRate { get; set; } = 3e-4;

    /// <summary>What the models are brought nearer to.</summary>
    [Parameter, ValidateSet("Auto", "Embedding", "States", "StatesAndEmbedding", "Scores", "NextToken", "Labels")]
    public string Goal { get; set; } = "Auto";

    /// <summary>Temperature of the goal Scores.</summary>
    [Parameter]
    public double Temperature { get; set; } = 1;

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

    /// <summary>Options with everything in them that all trainings share, of the type that they come in.</summary>
    // Not generic: a constraint would load the assembly of its type on importing the module.
    private protected TrainingSettings With(TrainingSettings options)
    {
        return options with
        {
            LabelPath = LabelPath is null ? null : Resolver.Literal(LabelPath),
            Steps = Steps,
            LearningRate = LearningRate,
            BatchSize = MyInvocation.BoundParameters.ContainsKey(nameof(BatchSize)) ? BatchSize : TrainingSettings.DefaultBatchSize,
            Goal = Enum.Parse<DistillationGoal>(Goal, ignoreCase: true),
            Temperature = Temperature,
            Pooling = ChosenPooling,
            HeldOut = HeldOut,
            Seed = (ulong)Seed,
            CheckpointPath = CheckpointPath is null ? null : Resolver.Literal(CheckpointPath),
            CheckpointEvery = CheckpointEvery,
            Engine = ChosenEngine,
            ThreadCount = ThreadCount,
        };
    }
}
