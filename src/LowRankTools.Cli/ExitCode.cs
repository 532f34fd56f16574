namespace LowRankTools.Cli;

/// <summary>How the program says what became of it.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>At least one file could not be worked on; the others were.</summary>
    public const int BadInput = 1;

    /// <summary>The command line makes no sense; nothing was done.</summary>
    public const int WrongUsage = 2;

    /// <summary>Ctrl+C: 128 + SIGINT.</summary>
    public const int Cancelled = 130;
}
