using System.CommandLine;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora</c>: what is done with adapters.</summary>
internal static class LoraCommand
{
    public static Command Create(ConsoleContext console) => new("lora", "Make, train, merge, resize, join, export, convert and test low-rank adapters of PEFT, kohya, loralib and llama.cpp.")
    {
        LoraNewCommand.Create(console),
        LoraOptimizeCommand.Create(console),
        LoraMergeCommand.Create(console),
        LoraResizeCommand.Create(console),
        LoraJoinCommand.Create(console),
        LoraExportCommand.Create(console),
        LoraConvertCommand.Create(console),
        LoraTestCommand.Create(console),
    };
}
