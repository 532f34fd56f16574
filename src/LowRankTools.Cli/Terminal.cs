namespace LowRankTools.Cli;

/// <summary>What may be assumed of where the text goes.</summary>
/// <param name="Output">Whether standard output is a screen: tables may have borders and must fit its width.</param>
/// <param name="Error">Whether standard error is a screen: a progress bar may be drawn.</param>
/// <param name="Color">Whether screens may be sent colours and weights.</param>
/// <param name="Width">Columns of the screen.</param>
/// <param name="Blocks">Whether screens show characters beyond ASCII.</param>
internal sealed record Terminal(bool Output, bool Error, bool Color, int Width, bool Blocks = true)
{
    private const int DefaultWidth = 80;
    private const int Utf8 = 65001;

    /// <summary>Files and pipes on both sides: plain text, names never cut.</summary>
    public static Terminal None { get; } = new(Output: false, Error: false, Color: false, DefaultWidth);

    /// <summary>Looks at the process's own streams and at the environment (NO_COLOR, TERM).</summary>
    public static Terminal Detect()
    {
        // A screen that understands no escape codes is written to like a file.
        if (Environment.GetEnvironmentVariable("TERM") == "dumb")
            return None;
        bool output = !Console.IsOutputRedirected, error = !Console.IsErrorRedirected;
        if (!output && !error)
            return None;
        bool color = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new Terminal(output, error, color, Console.WindowWidth > 0 ? Console.WindowWidth : DefaultWidth, Console.OutputEncoding.CodePage == Utf8);
    }
}
