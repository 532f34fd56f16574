using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Models;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Quality.Graphs;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank quality</c>: models against the one that they were made from, on a text, or of ONNX on the same inputs.</summary>
internal sealed class QualityCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string> _reference = new("--reference-path") { Description = "The original.", HelpName = "path", Required = true };
    private readonly Option<string?> _adapter = new("--adapter-path") { Description = "An adapter that runs beside the weights of the models, and not of the original.", HelpName = "path" };
    private readonly Option<string?> _labels = new("--label-path") { Description = "The right class of each line of the text, for classifiers: a file with one a line.", HelpName = "file" };
    private readonly TextOptions _text = new();
    private readonly GraphOptions _graph = new();
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        QualityCommand self = new();
        Command command = new("quality", "Hold models against the one that they were made from: similarity of embeddings, accuracy, or perplexity, on a text; graphs of ONNX on the same inputs, in ONNX Runtime.") { self._paths, self._recurse, self._reference, self._adapter, self._labels };
        self._text.AddTo(command, result => result.GetValue(self._reference)?.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) == true);
        self._graph.AddTo(command);
        command.Add(self._threadCount);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        if (new ModelRun(console).One(parsed.GetRequiredValue(_reference)) is not { } reference)
            return ExitCode.BadInput;
        GraphQualityOptions graphs = _graph.Options(parsed, parsed.GetValue(_threadCount) ?? 0);
        return graphs.AreFor(reference, _text.IsGiven(parsed)) ? RunGraphs(parsed, console, graphs, reference) : RunNetworks(parsed, console, reference);
    }

    private int RunGraphs(ParseResult parsed, ConsoleContext console, GraphQualityOptions options, ModelSource reference)
    {
        options.Validate();
        MeasureGraphQuality operation = new(options, reference);
        List<GraphQuality> results = [];
        int code = new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
            Take(results, ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation)), parsed, console));
        if (!parsed.GetValue(_json) && results.Count > 0)
            GraphQualityReport.Write(results, console);
        return code;
    }

    private int RunNetworks(ParseResult parsed, ConsoleContext console, ModelSource reference)
    {
        ModelSource? adapter = null;
        if (parsed.GetValue(_adapter) is { } beside && (adapter = new ModelRun(console).One(beside)) is null)
            return ExitCode.BadInput;
        QualityOptions options = new()
        {
            Input = _text.Input(parsed),
            Adapter = adapter,
            LabelPath = parsed.GetValue(_labels) is { } labels ? Path.GetFullPath(labels) : null,
            Pooling = _text.Pooling(parsed),
            BatchSize = _text.BatchSize(parsed),
            Engine = _engine.Choice(parsed, console),
            ThreadCount = parsed.GetValue(_threadCount) ?? 0,
        };
        MeasureQuality operation = new(options, reference);
        List<ModelQuality> results = [];
        int code = new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
            Take(results, ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation)), parsed, console));
        if (!parsed.GetValue(_json) && results.Count > 0)
            QualityReport.Write(results, console);
        return code;
    }

    private void Take<T>(List<T> results, T result, ParseResult parsed, ConsoleContext console)
    {
        results.Add(result);
        if (parsed.GetValue(_json))
            JsonLines.Write(console.Out, result);
    }
}
