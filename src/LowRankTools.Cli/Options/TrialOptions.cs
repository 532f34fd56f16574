using System.CommandLine;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;

namespace LowRankTools.Cli.Options;

/// <summary>How ranks are exchanged between layers by runs of the model.</summary>
/// <param name="least">Fewest runs that may be asked for.</param>
internal sealed class TrialOptions(int least)
{
    private readonly Option<int?> _trials = SharedOptions.Number<int>("--trials", $"Most runs of the model by which ranks are exchanged between its layers{(least == 0 ? ", 0 for none" : "")}; {MeasuredPlanOptions.DefaultTrials} by default.",
        n => n >= least, $"a number of trials is a whole number, at least {least}");

    private readonly Option<string?> _measure = SharedOptions.Choice("--measure", "What those runs are to make better; what suits the network by default.", Enum.GetNames<QualityMeasure>());

    public void AddTo(Command command)
    {
        command.Add(_trials);
        command.Add(_measure);
    }

    public int Trials(ParseResult parsed) => parsed.GetValue(_trials) ?? MeasuredPlanOptions.DefaultTrials;

    public QualityMeasure Measure(ParseResult parsed) => parsed.GetValue(_measure) is { } name ? Enum.Parse<QualityMeasure>(name, ignoreCase: true) : QualityMeasure.Auto;

    /// <summary>Whether any of them was given.</summary>
    public bool IsGiven(System.CommandLine.Parsing.CommandResult result) => result.GetResult(_trials) is not null || result.GetResult(_measure) is not null;
}
