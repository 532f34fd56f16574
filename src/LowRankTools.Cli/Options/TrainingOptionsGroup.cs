using System.CommandLine;
using LowRankTools.Core.Tokens;
using LowRankTools.Core.Training;

namespace LowRankTools.Cli.Options;

/// <summary>What every training on a text can be told.</summary>
internal sealed class TrainingOptionsGroup
{
    private readonly TextOptions _text = new(TrainingSettings.DefaultBatchSize, "Sequences of a step");
    private readonly Option<string?> _labels = new("--label-path") { Description = "The right class of each line of the text, for classifiers: a file with one a line.", HelpName = "file" };
    private readonly Option<int?> _steps = SharedOptions.Number<int>("--steps", "Steps of the optimizer; 500 by default.", n => n >= 1, "a number of steps is a whole number, at least 1");
    private readonly Option<double?> _rate = SharedOptions.Number<double>("--learning-rate", "Largest learning rate of Adam; 0.0003 by default.", r => r > 0 && double.IsFinite(r), "a learning rate is above 0");
    private readonly Option<string?> _goal = SharedOptions.Choice("--goal", "What the models are brought nearer to; by default the scores of language models, the states and embeddings of encoders.", Enum.GetNames<DistillationGoal>());
    private readonly Option<double?> _temperature = SharedOptions.Number<double>("--temperature", "Temperature of the goal scores; 1 by default.", t => t > 0 && double.IsFinite(t), "a temperature is above 0");
    private readonly Option<double?> _heldOut = SharedOptions.Number<double>("--held-out", "Share of the lines that are not trained on; 0.1 by default.", s => s is >= 0 and < 1, "a held-out share is at least 0 and below 1");
    private readonly Option<string?> _checkpoint = new("--checkpoint-path") { Description = "File to save the training in; where it exists, the training goes on from it.", HelpName = "file" };
    private readonly Option<int?> _every = SharedOptions.Number<int>("--checkpoint-every", "Steps from one saving to the next; 100 by default.", n => n >= 1, "a number of steps is a whole number, at least 1");
    private readonly Option<ulong?> _seed = SharedOptions.Number<ulong>("--seed", "Chooses the held-out lines and the order of the others; 0 by default.", _ => true, "a seed is a whole number, not negative");
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();

    /// <summary>Adds the options.</summary>
    public void AddTo(Command command)
    {
        _text.AddTo(command);
        foreach (Option option in (Option[])[_labels, _steps, _rate, _goal, _temperature, _heldOut, _checkpoint, _every, _seed, _threadCount])
            command.Add(option);
        _engine.AddTo(command);
    }

    /// <summary>The text or tokens.</summary>
    public InputText Input(ParseResult parsed) => _text.Input(parsed);

    /// <summary>Options with everything in them that all trainings share.</summary>
    public T With<T>(T options, ParseResult parsed, ConsoleContext console)
        where T : TrainingSettings
    {
        TrainingSettings defaults = options;
        return (T)(defaults with
        {
            LabelPath = parsed.GetValue(_labels) is { } labels ? Path.GetFullPath(labels) : null,
            Steps = parsed.GetValue(_steps) ?? defaults.Steps,
            LearningRate = parsed.GetValue(_rate) ?? defaults.LearningRate,
            BatchSize = _text.BatchSize(parsed),
            Goal = parsed.GetValue(_goal) is { } goal ? Enum.Parse<DistillationGoal>(goal, ignoreCase: true) : DistillationGoal.Auto,
            Temperature = parsed.GetValue(_temperature) ?? defaults.Temperature,
            Pooling = _text.Pooling(parsed),
            HeldOut = parsed.GetValue(_heldOut) ?? defaults.HeldOut,
            CheckpointPath = parsed.GetValue(_checkpoint),
            CheckpointEvery = parsed.GetValue(_every) ?? defaults.CheckpointEvery,
            Seed = parsed.GetValue(_seed) ?? 0,
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        });
    }
}
