using LowRankTools.Cli.Errors;
using LowRankTools.Core;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Input;

/// <summary>Does one thing after the other; what goes wrong with one is told about, and the others have their turn.</summary>
internal sealed class Attempts(ConsoleContext console)
{
    private bool _failed;

    /// <summary>The exit code that says how it went.</summary>
    public int Code => _failed ? ExitCode.BadInput : ExitCode.Success;

    /// <summary>Does one thing.</summary>
    /// <param name="subject">The path or layer that it is about.</param>
    /// <param name="action">What to do; an <c>OptionInvalid</c> surfaces, since nothing else could do better with it.</param>
    public void Try(string subject, Action action)
    {
        try
        {
            action();
        }
        catch (LowRankToolsException e) when (e.ErrorId != CoreErrors.OptionInvalid)
        {
            Fail(ErrorLine.Of(e));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            Fail(ErrorLine.Of(subject, e));
        }
    }

    private void Fail(string line)
    {
        _failed = true;
        console.Error.WriteLine(line);
    }
}
