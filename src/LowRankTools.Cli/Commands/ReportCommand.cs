using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Reports;
using LowRankTools.Core.Text;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank report</c>: one HTML page a model, with plots, that needs nothing but a browser.</summary>
internal sealed class ReportCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths(required: false);
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string?> _plan = new("--plan") { Description = "Show a plan that lowrank plan --output wrote; by itself, or with its model.", HelpName = "file" };
    private readonly Option<string?> _reference = new("--reference-path") { Description = "The model that the others are compared with.", HelpName = "path" };
    private readonly Option<string?> _outputPath = new("--output-path") { Description = "An .html file to write, or a folder in which each model gets its own; by default beside the model.", HelpName = "path" };
    private readonly Option<bool> _skipSpectrum = new("--skip-spectrum") { Description = "Leave singular values out, which cost the most time." };
    private readonly Option<bool> _includeSpeed = new("--include-speed") { Description = "Time the commonest layers against their pairs on this machine." };
    private readonly Option<string[]> _include = SharedOptions.Include();
    private readonly Option<string[]> _exclude = SharedOptions.Exclude();
    private readonly Option<bool> _includeEmbedding = new("--include-embedding") { Description = "Show the spectra of embeddings too." };
    private readonly Option<bool> _force = new("--force") { Description = "Replace existing reports." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say where reports would be written, and write nothing." };
    private readonly Option<bool> _noCache = SharedOptions.NoCache();
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        ReportCommand self = new();
        Command command = new("report", "Write one HTML page a model with its counts, spectra, plan and plots.") { self._paths, self._recurse };
        foreach (Option option in new Option[] { self._plan, self._reference, self._outputPath, self._skipSpectrum, self._includeSpeed, self._include, self._exclude,
            self._includeEmbedding, self._force, self._whatIf, self._noCache, self._threadCount })
            command.Add(option);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.Validators.Add(result =>
        {
            if (result.GetResult(self._plan) is null && result.GetValue(self._paths) is not { Length: > 0 })
                result.AddError("Name models, or give a --plan.");
            if (result.GetValue(self._outputPath) is { Length: 0 })
                result.AddError("An --output-path is not empty.");
        });
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        ModelSource? reference = null;
        if (parsed.GetValue(_reference) is { } path && (reference = new ModelRun(console).One(path)) is null)
            return ExitCode.BadInput;
        RankPlan? plan = parsed.GetValue(_plan) is { } file ? RankPlanFile.Read(Path.GetFullPath(file)) : null;
        ExportReport operation = new(Options(parsed, console, plan, reference));
        if (plan is not null && parsed.GetValue(_paths) is not { Length: > 0 })
        {
            Show(ProgressBar.Run(console, progress => operation.Run(plan, progress, console.Cancellation)));
            return ExitCode.Success;
        }
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse),
            source => Show(ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation))));

        void Show(ReportResult result)
        {
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                console.Out.WriteLine(SafeText.Line(result.Written
                    ? $"{result.Name}  {Figures.Plural(result.Figures, "plot")}, {Figures.Bytes(result.Bytes)}  written  {result.Path}"
                    : $"{result.Name}  not written, would be  {result.Path}"));
            console.Out.Flush();
        }
    }

    private ReportOptions Options(ParseResult parsed, ConsoleContext console, RankPlan? plan, ModelSource? reference) => new()
    {
        OutputPath = parsed.GetValue(_outputPath),
        Plan = plan,
        Reference = reference,
        Selection = new LayerSelection
        {
            Include = SharedOptions.Patterns(parsed.GetValue(_include)),
            Exclude = SharedOptions.Patterns(parsed.GetValue(_exclude)),
            IncludeEmbedding = parsed.GetValue(_includeEmbedding),
        },
        SkipSpectrum = parsed.GetValue(_skipSpectrum),
        IncludeSpeed = parsed.GetValue(_includeSpeed),
        UseCache = !parsed.GetValue(_noCache),
        Force = parsed.GetValue(_force),
        WhatIf = parsed.GetValue(_whatIf),
        Engine = _engine.Choice(parsed, console),
        Svd = new SvdOptions { ThreadCount = parsed.GetValue(_threadCount) ?? 0 },
    };
}
