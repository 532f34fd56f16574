using LowRankTools.Core;

namespace LowRankTools.Cli;

/// <summary>Takes every model at the given paths through one action; a bad one is told about and the others go on.</summary>
internal sealed class ModelRun(ConsoleContext console)
{
    private readonly ModelLocator _locator = new();
    private readonly Attempts _attempts = new(console);

    /// <summary>Runs the action on each model once, whatever number of paths lead to it.</summary>
    /// <returns>The exit code.</returns>
    public int Each(IEnumerable<string> paths, bool recurse, Action<ModelSource> action)
    {
        foreach (string path in paths)
            _attempts.Try(path, () =>
            {
                foreach (string match in PathPatterns.Expand(path))
                    _attempts.Try(match, () => Models(match, recurse, action));
            });
        return _attempts.Code;
    }

    private void Models(string path, bool recurse, Action<ModelSource> action)
    {
        foreach (ModelSource model in _locator.Find(path, recurse))
        {
            console.Cancellation.ThrowIfCancellationRequested();
            if (model.Note.Length > 0)
                console.Error.WriteLine(SafeText.Line($"note: {model.Path}: {model.Note}"));
            _attempts.Try(model.Path, () => action(model));
        }
    }
}
