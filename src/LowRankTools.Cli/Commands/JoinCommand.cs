using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Parts;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank join</c>: completes models whose layers were factorized in parts.</summary>
internal static class JoinCommand
{
    public static Command Create(ConsoleContext console)
    {
        Argument<string[]> paths = SharedOptions.Paths();
        paths.Description = "Outputs, their folders of parts, or single parts that stand for all; * and ? are expanded.";
        Option<string?> sourcePath = new("--source-path") { Description = "The model that the parts were made from; where it was then by default.", HelpName = "path" };
        Option<bool> keepPart = new("--keep-part") { Description = "Leave the parts when the model stands." }, force = new("--force") { Description = "Replace existing output." };
        Option<bool> whatIf = new("--what-if") { Description = "Look at all parts, say what would be written, and write nothing." }, json = SharedOptions.Json();
        Command command = new("join", "Complete models whose layers were factorized in parts.") { paths, sourcePath, keepPart, force, whatIf, json };
        command.SetAction(parsed =>
        {
            JoinParts operation = new(new JoinPartsOptions
            {
                SourcePath = parsed.GetValue(sourcePath) is { } source ? Path.GetFullPath(source) : null,
                KeepPart = parsed.GetValue(keepPart),
                Force = parsed.GetValue(force),
                WhatIf = parsed.GetValue(whatIf),
            });
            HashSet<string> joined = new(StringComparer.Ordinal);
            Attempts attempts = new(console);
            foreach (string path in parsed.GetRequiredValue(paths))
            {
                attempts.Try(path, () =>
                {
                    foreach (string folder in PathPatterns.Expand(path).Select(p => JoinParts.Folder(Path.GetFullPath(p))).Where(joined.Add))
                        attempts.Try(folder, () => Join(operation, folder, parsed.GetValue(json), console));
                });
            }
            return attempts.Code;
        });
        return command;
    }

    private static void Join(JoinParts operation, string folder, bool json, ConsoleContext console)
    {
        FactorizationResult result = ProgressBar.Run(console, progress => operation.Run(folder, progress, console.Cancellation));
        if (json)
            JsonLines.Write(console.Out, result);
        else
            FactorizeReport.Write(result, threads: 0, console);
        console.Out.Flush();
    }
}
