using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Lists the tensors of models from their headers.</summary>
[Cmdlet(VerbsCommon.Get, "LayerShapes", DefaultParameterSetName = PathSet)]
[Alias("Get-LayerShape")]
[OutputType(typeof(LayerShape))]
public sealed class GetLayerShapesCommand : HeaderCommandBase
{
    private readonly HashSet<string> _missing = new(StringComparer.OrdinalIgnoreCase);
    private IReadOnlyList<Predicate<string>> _names = [], _include = [], _exclude = [];

    /// <summary>Names of layers; wildcards are allowed.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Patterns of which one must match.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of which none may match.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Kinds of layers to list.</summary>
    [Parameter]
    public LayerKind[]? Kind { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(null, () => (_names, _include, _exclude) = (NamePatterns.Of(Name), NamePatterns.Of(Include), NamePatterns.Of(Exclude)));
        _missing.UnionWith((Name ?? []).Where(n => !WildcardPattern.ContainsWildcardCharacters(n)));
    }

    private protected override void ProcessModel(ModelSource source)
    {
        using Model model = Read(source, remote => Model.OpenHeaders(source, remote));
        if (model.File.Transfer is { } transfer)
            Tell($"{source.Path}: {transfer.Bytes} bytes of headers in {transfer.Requests} requests.");
        foreach (LayerShape shape in model.Layers.Select(l => l.Shape).Where(IsWanted))
            WriteObject(shape);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (string name in _missing)
        {
            Guarded(name, () => throw new LowRankToolsException(CoreErrors.LayerNotFound, $"No layer is called '{name}'.",
                "Use wildcards, or list the layers without -Name."));
        }
        base.EndProcessing();
    }

    private bool IsWanted(LayerShape shape)
    {
        if (_missing.Count > 0)
            _missing.RemoveWhere(n => NamePatterns.Any(NamePatterns.Of([n]), shape.Name));
        return (_names.Count == 0 || NamePatterns.Any(_names, shape.Name))
            && (_include.Count == 0 || NamePatterns.Any(_include, shape.Name))
            && !NamePatterns.Any(_exclude, shape.Name)
            && (Kind is null || Kind.Contains(shape.Kind));
    }
}
