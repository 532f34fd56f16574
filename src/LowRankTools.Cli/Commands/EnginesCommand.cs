using System.CommandLine;
using LowRankTools.Cli.Errors;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Installing;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Core.Engines.Measuring;
using LowRankTools.Core.Text;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank engines</c>: what computes here, and on what; installing what is missing.</summary>
internal static class EnginesCommand
{
    public static Command Create(ConsoleContext console)
    {
        Option<bool> json = SharedOptions.Json();
        Command command = new("engines", "List the engines that compute, their devices and instruction sets; install what is missing.") { json };
        command.Add(Install(console));
        command.Add(Uninstall(console));
        command.Add(Measure(console));
        command.SetAction(parsed =>
        {
            IReadOnlyList<EngineInfo> engines = EngineList.All;
            if (parsed.GetValue(json))
            {
                foreach (EngineInfo engine in engines)
                    JsonLines.Write(console.Out, engine);
                return ExitCode.Success;
            }
            ReportTable table = new("Engine", "Device", ">Memory", "Version", "Instruction set", "Available", "Path");
            foreach (EngineInfo engine in engines)
            {
                table.Add(engine.Name, engine.Device, engine.MemoryBytes is { } bytes ? Figures.Bytes(bytes) : string.Empty, engine.Version, engine.InstructionSet,
                    engine.Available ? "yes" : "no", engine.Path);
            }
            table.Write(console);
            foreach (EngineInfo missing in engines.Where(e => !e.Available))
                console.Out.WriteLine(SafeText.Line($"{missing.Name} on {missing.Device}: {missing.Reason}. {OptionNames.Translate(missing.Remedy)}"));
            return ExitCode.Success;
        });
        return command;
    }

    private static Command Install(ConsoleContext console)
    {
        Option<string?> name = Library();
        Option<string?> device = SharedOptions.Choice("--device", "Device to compute on; cpu by default.", ["cpu", "cuda"]);
        Option<string?> libTorch = new("--lib-torch") { Description = "Folder that holds libtorch already; it is used where it lies.", HelpName = "folder" };
        Option<string?> onnxRuntime = new("--onnx-runtime") { Description = "Folder that holds ONNX Runtime already, or its library; it is used where it lies.", HelpName = "path" };
        Option<string[]> sources = new("--source") { Description = "Package sources in place of those that this machine has configured.", HelpName = "source" };
        Option<bool> force = new("--force") { Description = "Replace what is installed." }, whatIf = WhatIf(), json = SharedOptions.Json();
        Command command = new("install", "Bring libtorch, which TorchSharp computes with, or ONNX Runtime, or register one that is there.") { name, device, libTorch, onnxRuntime, sources, force, whatIf, json };
        command.SetAction(parsed => Run(console, () =>
        {
            InstallEngine operation = new(new InstallEngineOptions
            {
                Name = parsed.GetValue(name) ?? nameof(EngineKind.TorchSharp),
                Device = parsed.GetValue(device),
                LibTorch = parsed.GetValue(libTorch) is { } folder ? Path.GetFullPath(folder) : null,
                OnnxRuntime = parsed.GetValue(onnxRuntime) is { } runtime ? Path.GetFullPath(runtime) : null,
                Sources = parsed.GetValue(sources) ?? [],
                Force = parsed.GetValue(force),
            });
            console.Error.WriteLine(SafeText.Line(operation.Describe()));
            return parsed.GetValue(whatIf) ? null : ProgressBar.Run(console, progress => operation.Run(progress, console.Cancellation));
        }, parsed.GetValue(json)));
        return command;
    }

    private static Command Uninstall(ConsoleContext console)
    {
        Option<string?> name = Library();
        Option<bool> whatIf = WhatIf(), json = SharedOptions.Json();
        Command command = new("uninstall", "Remove the library of an engine that was installed; one that was only registered stays where it lies.") { name, whatIf, json };
        command.SetAction(parsed => Run(console, () =>
        {
            UninstallEngine operation = new(parsed.GetValue(name) ?? nameof(EngineKind.TorchSharp));
            console.Error.WriteLine(SafeText.Line($"Remove {operation.Title}: {operation.Find().Path}"));
            return parsed.GetValue(whatIf) ? null : operation.Run();
        }, parsed.GetValue(json)));
        return command;
    }

    private static Command Measure(ConsoleContext console)
    {
        Option<bool> whatIf = WhatIf(), json = SharedOptions.Json();
        Command command = new("measure", "Time every engine that is there, so that the best one is chosen from then on.") { whatIf, json };
        command.SetAction(parsed =>
        {
            Attempts attempts = new(console);
            attempts.Try("engines", () =>
            {
                MeasureEngines operation = new();
                console.Error.WriteLine(SafeText.Line($"Time every engine and keep the times in {operation.Path}"));
                if (parsed.GetValue(whatIf))
                    return;
                IReadOnlyList<EngineTime> times = ProgressBar.Run(console, progress => operation.Run(progress, console.Cancellation));
                if (parsed.GetValue(json))
                {
                    foreach (EngineTime time in times)
                        JsonLines.Write(console.Out, time);
                    return;
                }
                ReportTable table = new("Engine", "Device", "Work", ">Size", ">Rank", ">Time", ">Start");
                foreach (EngineTime time in times)
                {
                    table.Add(time.Engine, time.Device, time.Work.ToString(), Figures.Count(time.Size), time.Rank is { } rank ? Figures.Count(rank) : string.Empty,
                        Figures.Duration(time.Seconds), Figures.Duration(time.StartSeconds));
                }
                table.Write(console);
            });
            return attempts.Code;
        });
        return command;
    }

    private static Option<string?> Library() => SharedOptions.Choice("--name", "The engine whose library it is; TorchSharp by default.", nameof(EngineKind.TorchSharp), "OnnxRuntime");

    private static Option<bool> WhatIf() => new("--what-if") { Description = "Say what would be done, and do nothing." };

    private static int Run(ConsoleContext console, Func<EngineInstallation?> operation, bool json)
    {
        Attempts attempts = new(console);
        attempts.Try("engines", () =>
        {
            if (operation() is not { } result)
                return;
            if (json)
            {
                JsonLines.Write(console.Out, result);
                return;
            }
            ReportTable table = new("Engine", "Device", "Version", ">Size", "Path");
            table.Add(result.Name, result.Device, result.Version ?? string.Empty, Figures.Bytes(result.Bytes), result.Path);
            table.Write(console);
            if (result.Note.Length > 0)
                console.Error.WriteLine(SafeText.Line($"note: it cannot run here yet: {OptionNames.Translate(result.Note)}"));
        });
        return attempts.Code;
    }
}
