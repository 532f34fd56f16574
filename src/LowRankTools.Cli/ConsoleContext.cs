namespace LowRankTools.Cli;

/// <summary>Where a command writes, and what stops it.</summary>
/// <param name="Out">Results and nothing else.</param>
/// <param name="Error">Errors, notes and progress.</param>
/// <param name="Terminal">What the two are connected to.</param>
/// <param name="Cancellation">Ctrl+C.</param>
internal sealed record ConsoleContext(TextWriter Out, TextWriter Error, Terminal Terminal, CancellationToken Cancellation);
