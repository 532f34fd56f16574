using System.CommandLine;

namespace LowRankTools.Cli.Commands;

/// <summary>Every verb of the program.</summary>
internal static class CommandTree
{
    public static RootCommand Build(ConsoleContext console) =>
        new("Counts, factorizes, merges and compares the weights of neural networks.")
        {
            ShapesCommand.Create(console),
            CountCommand.Create(console),
            FactorizeCommand.Create(console),
            MergeCommand.Create(console),
            CompareCommand.Create(console),
            EnginesCommand.Create(console),
            DemoCommand.Create(console),
        };
}
