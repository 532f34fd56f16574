namespace LowRankTools.Benchmarks;

/// <summary>One run of a child process.</summary>
/// <param name="Output">First line that it printed.</param>
/// <param name="PeakPrivateBytes">Private memory at its peak, as far as looking every five milliseconds shows it.</param>
/// <param name="Seconds">From its start to its end.</param>
/// <param name="ProcessorSeconds">User and system time of all its threads, as it counted them at its end.</param>
internal sealed record ChildRun(string Output, long PeakPrivateBytes, double Seconds, double ProcessorSeconds);
