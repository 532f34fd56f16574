using System.CommandLine;
using LowRankTools.Cli.Input;

namespace LowRankTools.Cli.Commands;

/// <summary>Every verb of the program.</summary>
internal static class CommandTree
{
    private static readonly (string Verb, Func<ConsoleContext, Command> Create)[] s_verbs =
    [
        ("shapes", ShapesCommand.Create),
        ("compress", CompressCommand.Create),
        ("count", CountCommand.Create),
        ("memory", MemoryCommand.Create),
        ("spectrum", SpectrumCommand.Create),
        ("calibrate", CalibrateCommand.Create),
        ("plan", PlanCommand.Create),
        ("factorize", FactorizeCommand.Create),
        ("decompose", DecomposeCommand.Create),
        ("optimize", OptimizeCommand.Create),
        ("resize", ResizeCommand.Create),
        ("join", JoinCommand.Create),
        ("merge", MergeCommand.Create),
        ("lora", LoraCommand.Create),
        ("compare", CompareCommand.Create),
        ("report", ReportCommand.Create),
        ("quality", QualityCommand.Create),
        ("speed", SpeedCommand.Create),
        ("new", NewCommand.Create),
        ("engines", EnginesCommand.Create),
        ("demo", DemoCommand.Create),
    ];

    /// <summary>The program's grammar; only the verb that is called gets its options made, which is time at every start.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="console">Where the verbs write.</param>
    public static RootCommand Build(string[] args, ConsoleContext console)
    {
        RootCommand root = new("Counts, plans, factorizes, merges and compares the weights of neural networks.") { HelpName = "lowrank" };
        int called = Array.FindIndex(s_verbs, v => args.Length > 0 && v.Verb == args[0]);
        foreach ((_, Func<ConsoleContext, Command> create) in called < 0 ? s_verbs.AsSpan() : s_verbs.AsSpan(called, 1))
            root.Add(create(console));
        HelpWithExamples.AddTo(root);
        return root;
    }
}
