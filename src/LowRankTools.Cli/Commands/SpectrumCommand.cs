using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Models;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank spectrum</c>: singular values of weight matrices, and what they say about ranks.</summary>
internal static class SpectrumCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json(), noCache = SharedOptions.NoCache();
        Option<bool> includeEmbedding = new("--include-embedding") { Description = "Measure embeddings too." };
        Option<string[]> include = SharedOptions.Include(), exclude = SharedOptions.Exclude();
        Option<int?> top = SharedOptions.Number<int>("--top", "Most singular values in --json; all by default.", n => n >= 1, "a count of values is a whole number, at least 1");
        Option<int?> threadCount = SharedOptions.ThreadCount();
        EngineOptions engine = new();
        Command command = new("spectrum", "Find the singular values of weight matrices, and what they say about ranks.") { paths, recurse, include, exclude, includeEmbedding, top, noCache, threadCount };
        engine.AddTo(command);
        command.Add(json);
        command.SetAction(parsed =>
        {
            MeasureSpectra operation = new(new SpectrumOptions
            {
                Selection = new LayerSelection
                {
                    Include = SharedOptions.Patterns(parsed.GetValue(include)),
                    Exclude = SharedOptions.Patterns(parsed.GetValue(exclude)),
                    IncludeEmbedding = parsed.GetValue(includeEmbedding),
                },
                Top = parsed.GetValue(top) ?? 0,
                UseCache = !parsed.GetValue(noCache),
                Engine = engine.Choice(parsed, console),
                Svd = new SvdOptions { ThreadCount = parsed.GetValue(threadCount) ?? 0 },
            });
            return new ModelRun(console).Each(parsed.GetRequiredValue(paths), parsed.GetValue(recurse), source =>
            {
                List<LayerSpectrum> spectra = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation).ToList());
                if (parsed.GetValue(json))
                    spectra.ForEach(spectrum => JsonLines.Write(console.Out, spectrum));
                else
                    SpectrumReport.Write(source, spectra, console);
                console.Out.Flush();
            });
        });
        return command;
    }
}
