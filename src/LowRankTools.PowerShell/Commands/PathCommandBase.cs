using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that takes models by path: files, shard indexes, folders.</summary>
public abstract class PathCommandBase : PSCmdlet
{
    /// <summary>Parameter set of <see cref="Path"/>.</summary>
    protected const string PathSet = nameof(Path);

    /// <summary>Parameter set of <see cref="LiteralPath"/>.</summary>
    protected const string LiteralPathSet = nameof(LiteralPath);

    private readonly ModelLocator _locator = new();
    private bool _pathIsPiped;

    /// <summary>Paths of models; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty, SupportsWildcards]
    public virtual string[]? Path { get; set; }

    /// <summary>Paths of models, taken as they are.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP"), ValidateNotNullOrEmpty]
    public virtual string[]? LiteralPath { get; set; }

    /// <summary>Whether subfolders are searched too.</summary>
    [Parameter]
    public SwitchParameter Recurse { get; set; }

    private protected PathResolver Resolver => new(this);

    /// <inheritdoc/>
    protected override void BeginProcessing() => _pathIsPiped = Path is null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string path in LiteralPath ?? [])
            Guarded(path, () => ProcessPath(Resolver.Literal(path), expanded: false));
        foreach (string path in Path ?? [])
        {
            Guarded(path, () =>
            {
                (IReadOnlyList<string> found, bool expanded) = Resolver.Expand(path, _pathIsPiped);
                foreach (string full in found)
                    Guarded(full, () => ProcessPath(full, expanded));
            });
        }
    }

    /// <summary>Does the cmdlet's work on one model.</summary>
    private protected abstract void ProcessModel(ModelSource source);

    /// <summary>Does the work on every model at a full path.</summary>
    private protected void ProcessPath(string path, bool expanded)
    {
        if (expanded && File.Exists(path) && !ModelLocator.LooksLikeModel(path))
        {
            WriteVerbose($"{path}: not a model, skipped.");
            return;
        }
        IReadOnlyList<ModelSource> models;
        try
        {
            models = _locator.Find(path, Recurse);
        }
        catch (LowRankToolsException e) when (expanded && e.ErrorId == CoreErrors.NoModelsFound)
        {
            WriteVerbose(e.Message);
            return;
        }
        foreach (ModelSource source in models)
        {
            WriteVerbose(source.Note.Length > 0 ? $"{source.Path}: {source.Note}" : source.Path);
            Guarded(source.Path, () => ProcessModel(source));
        }
    }

    /// <summary>Makes an error that was foreseen the error of this one thing, so that the next one has its turn.</summary>
    private protected void Guarded(object target, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (ErrorRecords.From(e, target) is not null)
        {
            WriteError(ErrorRecords.From(e, target)!);
        }
    }

    /// <summary>Makes an error that was foreseen the end of the command: no other input could do better.</summary>
    private protected void Required(object? target, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (ErrorRecords.From(e, target) is not null)
        {
            ThrowTerminatingError(ErrorRecords.From(e, target)!);
        }
    }
}
