using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Options;

/// <summary>Options of <c>lowrank speed</c> that are about layers over activations of several modes.</summary>
internal sealed class ContractionSpeedGroup
{
    private readonly Option<Dimensions[]> _input = SharedOptions.List("--input-shape", "Modes of activations that a contraction or regression layer takes: 64x7x7.", "modes", Dimensions.Parse);
    private readonly Option<Dimensions[]> _output = SharedOptions.List("--output-shape", "With --input-shape: modes that it gives, such as 10 or 16x4x4.", "modes", Dimensions.Parse);
    private readonly Option<string?> _layer = SharedOptions.Choice("--layer", "With --input-shape: the layer; all that there are by default.", Enum.GetNames<ContractionMethod>());

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _input, _output, _layer })
            command.Add(option);
    }

    public bool IsAsked(CommandResult result) => result.GetResult(_input) is not null || result.GetResult(_output) is not null || result.GetResult(_layer) is not null;

    public bool IsAsked(ParseResult parsed) => parsed.GetResult(_input) is not null;

    public void Check(CommandResult result)
    {
        if (result.GetValue(_input) is not [_] || result.GetValue(_output) is not [_])
            result.AddError("--input-shape and --output-shape go together, one of each.");
    }

    public int Run(ParseResult parsed, ContractionSpeedOptions options, ConsoleContext console, bool json)
    {
        MeasureContractionSpeed operation = new(options with { Method = parsed.GetValue(_layer) is { } name ? Enum.Parse<ContractionMethod>(name, ignoreCase: true) : null });
        Dimensions input = parsed.GetRequiredValue(_input)[0], output = parsed.GetRequiredValue(_output)[0];
        Attempts attempts = new(console);
        List<ContractionSpeed> results = [];
        attempts.Try($"{input} to {output}", () => results.AddRange(ProgressBar.Run(console, progress => operation.Run(input, output, progress, console.Cancellation))));
        if (json)
            results.ForEach(speed => JsonLines.Write(console.Out, speed));
        else
            ContractionSpeedReport.Write(results, console);
        return attempts.Code;
    }
}
