using LowRankTools.Core;
using LowRankTools.Numerics;

namespace LowRankTools.Cli;

/// <summary>Takes every model at the given paths through one action; a bad one is told about and the others go on.</summary>
internal sealed class ModelRun(ConsoleContext console)
{
    private readonly ModelLocator _locator = new();
    private bool _failed;

    /// <summary>Runs the action on each model once, whatever number of paths lead to it.</summary>
    /// <returns>The exit code.</returns>
    public int Each(IEnumerable<string> paths, bool recurse, Action<ModelSource> action)
    {
        foreach (string path in paths)
            Attempt(path, () =>
            {
                foreach (string match in PathPatterns.Expand(path))
                    Attempt(match, () => Models(match, recurse, action));
            });
        return _failed ? ExitCode.BadInput : ExitCode.Success;
    }

    private void Models(string path, bool recurse, Action<ModelSource> action)
    {
        foreach (ModelSource model in _locator.Find(path, recurse))
        {
            console.Cancellation.ThrowIfCancellationRequested();
            if (model.Note.Length > 0)
                console.Error.WriteLine(SafeText.Line($"note: {model.Path}: {model.Note}"));
            Attempt(model.Path, () => action(model));
        }
    }

    private void Attempt(string path, Action action)
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
            Fail(ErrorLine.Of(path, e));
        }
    }

    private void Fail(string line)
    {
        _failed = true;
        console.Error.WriteLine(line);
    }
}
