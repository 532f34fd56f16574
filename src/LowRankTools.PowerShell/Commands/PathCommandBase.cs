using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Remote;
using LowRankTools.Numerics;
using LowRankTools.PowerShell.Errors;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that takes models by path: files, shard indexes, folders.</summary>
public abstract class PathCommandBase : OperationCommandBase
{
    /// <summary>Parameter set of <see cref="Path"/>.</summary>
    protected const string PathSet = nameof(Path);

    /// <summary>Parameter set of <see cref="LiteralPath"/>.</summary>
    protected const string LiteralPathSet = nameof(LiteralPath);

    private readonly Lazy<ModelLocator> _locator;
    private readonly List<string> _leftOut = [];
    private bool _pathIsPiped, _literalPathIsPiped, _anyModel;

    private protected PathCommandBase() => _locator = new Lazy<ModelLocator>(() => new ModelLocator(Warn, TakesAddresses));

    /// <summary>Paths of models; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty, SupportsWildcards]
    public virtual string[]? Path { get; set; }

    /// <summary>Paths of models, taken as they are.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP", "FullName"), ValidateNotNullOrEmpty]
    public virtual string[]? LiteralPath { get; set; }

    /// <summary>Whether subfolders are searched too.</summary>
    [Parameter]
    public SwitchParameter Recurse { get; set; }

    /// <summary>Whether headers are enough, so that models on servers are taken too.</summary>
    private protected virtual bool TakesAddresses => false;

    private protected PathResolver Resolver => new(this);

    /// <inheritdoc/>
    protected override void BeginProcessing() => (_pathIsPiped, _literalPathIsPiped) = (Path is null, LiteralPath is null);

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string path in LiteralPath ?? [])
            Guarded(path, () => ProcessPath(RemoteAddress.Is(path) ? path : Resolver.Literal(path), listed: _literalPathIsPiped));
        foreach (string path in Path ?? [])
        {
            Guarded(path, () =>
            {
                (IReadOnlyList<string> found, bool expanded) = RemoteAddress.Is(path) ? ([path], false) : Resolver.Expand(path, _pathIsPiped);
                foreach (string full in found)
                    Guarded(full, () => ProcessPath(full, expanded));
            });
        }
    }

    /// <summary>Makes sure that a listing without a single model is no silent success.</summary>
    protected override void EndProcessing()
    {
        if (_literalPathIsPiped && !_anyModel && _leftOut.Count > 0)
        {
            Guarded(_leftOut[0], () => throw new LowRankToolsException(CoreErrors.NoModelsFound,
                $"{_leftOut[0]}: neither this nor any other of the {_leftOut.Count} files and folders in the pipeline is or holds a file that is called as models are.",
                "Add -Recurse to look into folders in folders, or name a file in -LiteralPath to have it read whatever it is called."));
        }
    }

    /// <summary>Does the cmdlet's work on one model.</summary>
    private protected abstract void ProcessModel(ModelSource source);

    /// <summary>Does the work on every model at a full path.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="listed">
    /// Whether a wildcard or a listing brought it up, and not a user who means this very one: what is no model by its name
    /// (a readme, a tokenizer) is then left out.
    /// </param>
    private protected void ProcessPath(string path, bool listed)
    {
        IReadOnlyList<ModelSource> models = [];
        if (!listed || !File.Exists(path) || ModelLocator.LooksLikeModel(path))
            models = Find(path, listed);
        if (models.Count == 0)
        {
            Tell($"{path}: no model, or none that was not seen before.");
            _leftOut.Add(path);
        }
        foreach (ModelSource source in models)
        {
            _anyModel = true;
            Tell(source.Note.Length > 0 ? $"{source.Path}: {source.Note}" : source.Path);
            Guarded(source.Path, () => ProcessModel(source));
        }
    }

    /// <summary>The one model at a path, which others are compared with.</summary>
    /// <exception cref="LowRankToolsException"><c>ReferenceAmbiguous</c>, or there is none.</exception>
    private protected ModelSource OneModel(string path)
    {
        IReadOnlyList<ModelSource> models = new ModelLocator(Warn).Find(Resolver.Literal(path));
        return models.Count == 1 ? models[0] : throw new LowRankToolsException(CommandErrors.ReferenceAmbiguous,
            $"{path}: the folder holds {models.Count} models.", "Name one file as the reference.");
    }

    private IReadOnlyList<ModelSource> Find(string path, bool listed)
    {
        try
        {
            return _locator.Value.Find(path, Recurse);
        }
        catch (LowRankToolsException e) when (listed && e.ErrorId == CoreErrors.NoModelsFound)
        {
            return [];
        }
    }
}
