using Spectre.Console;

namespace LowRankTools.Cli.Output;

/// <summary>Makes the drawing library's view of a stream that leads to a screen.</summary>
internal static class Screen
{
    public static IAnsiConsole Create(TextWriter writer, Terminal terminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = AnsiSupport.Yes,
            ColorSystem = terminal.Color ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes, // or else progress is a list of lines
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        console.Profile.Width = terminal.Width;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
