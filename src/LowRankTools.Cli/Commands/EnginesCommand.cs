using System.CommandLine;
using System.Globalization;
using LowRankTools.Cli.Options;
using LowRankTools.Core;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank engines</c>: what computes here, and on what.</summary>
internal static class EnginesCommand
{
    public static Command Create(ConsoleContext console)
    {
        Option<bool> json = SharedOptions.Json();
        Command command = new("engines", "List the engines that compute, their devices and instruction sets.") { json };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(json))
            {
                foreach (EngineInfo engine in EngineList.All)
                    JsonLines.Write(console.Out, engine);
                return ExitCode.Success;
            }
            ReportTable table = new("Engine", "Device", "Instruction set", ">Threads", "Available", "Reason");
            foreach (EngineInfo engine in EngineList.All)
            {
                table.Add(engine.Name, engine.Device, engine.InstructionSet, engine.ThreadCount.ToString(CultureInfo.InvariantCulture),
                    engine.Available ? "yes" : "no", engine.Reason);
            }
            table.Write(console);
            return ExitCode.Success;
        });
        return command;
    }
}
