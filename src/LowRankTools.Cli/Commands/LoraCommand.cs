using System.CommandLine;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank lora</c>: what is done with adapters.</summary>
internal static class LoraCommand
{
    public static Command Create(ConsoleContext console) => new("lora", "Merge low-rank adapters of PEFT, kohya and loralib into models.")
    {
        LoraMergeCommand.Create(console),
    };
}
