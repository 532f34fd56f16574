using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Counting;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank count</c>: parameters and bytes of models, from headers alone.</summary>
internal static class CountCommand
{
    public static Command Create(ConsoleContext console)
    {
        HeaderOptions headers = new();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        Option<bool> detailed = new("--detailed") { Description = "List the layers too." };
        Command command = new("count", "Count the parameters of models, and the bytes to run and to train them.") { headers.Paths, recurse, detailed, json };
        headers.AddTo(command);
        command.SetAction(parsed =>
        {
            List<ParameterCount> counts = [];
            int code = new ModelRun(console, takesAddresses: true).Each(parsed.GetRequiredValue(headers.Paths), parsed.GetValue(recurse), source =>
            {
                ParameterCount count = CountParameters.Run(source, parsed.GetValue(detailed), headers.Remote(parsed, console));
                if (parsed.GetValue(json))
                    JsonLines.Write(console.Out, count);
                else
                    counts.Add(count);
            });
            CountReport.Write(counts, console);
            return code;
        });
        return command;
    }
}
