using LowRankTools.Core.Models;
using LowRankTools.Core.Text;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Input;

/// <summary>Takes every model at the given paths through one action; a bad one is told about and the others go on.</summary>
/// <param name="console">Where notes and errors go.</param>
/// <param name="takesAddresses">Whether headers are enough, so that models on servers are taken too.</param>
internal sealed class ModelRun(ConsoleContext console, bool takesAddresses = false)
{
    private readonly ModelLocator _locator = new(warning => console.Error.WriteLine(SafeText.Line($"warning: {warning}")), takesAddresses);
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

    /// <summary>The one model at a path, which others are compared with; null where there is none or another one too, which has been told.</summary>
    public ModelSource? One(string path)
    {
        ModelSource? found = null;
        int code = Each([path], recurse: false, model => found = found is null ? model
            : throw new LowRankToolsException("ReferenceAmbiguous", $"The --reference-path holds {found.Path} and {model.Path}.", "Name one of them."));
        return code == ExitCode.Success ? found : null;
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
