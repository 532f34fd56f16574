using System.Management.Automation;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Text;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Completes models whose layers were factorized in parts.</summary>
[Cmdlet(VerbsCommon.Join, "LowRankPart", DefaultParameterSetName = nameof(Path), SupportsShouldProcess = true)]
[OutputType(typeof(FactorizationResult), typeof(FileInfo))]
public sealed class JoinLowRankPartCommand : OperationCommandBase
{
    private readonly List<string> _folders = [];
    private bool _isPiped;

    /// <summary>Outputs, their folders of parts, or single parts that stand for all; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = nameof(Path))]
    [ValidateNotNullOrEmpty, SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>The same, taken as they are.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = nameof(LiteralPath))]
    [Alias("PSPath", "LP", "FullName"), ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    /// <summary>The model that the parts were made from; where it was then by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? SourcePath { get; set; }

    /// <summary>Whether the parts stay when the model stands.</summary>
    [Parameter]
    public SwitchParameter KeepPart { get; set; }

    /// <summary>Whether existing output is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Whether the file that was written is returned in place of the result.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => _isPiped = Path is null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        PathResolver resolver = new(this);
        foreach (string path in LiteralPath ?? [])
            Guarded(path, () => Add(resolver.Literal(path)));
        foreach (string path in Path ?? [])
            Guarded(path, () => resolver.Expand(path, _isPiped).Paths.ToList().ForEach(Add));
    }

    /// <summary>Joins when all parts are known: they come down the pipeline one by one.</summary>
    protected override void EndProcessing()
    {
        foreach (string folder in _folders)
            Guarded(folder, () => Join(folder));
    }

    private void Add(string path)
    {
        string folder = JoinParts.Folder(path);
        if (!_folders.Contains(folder))
            _folders.Add(folder);
    }

    private void Join(string folder)
    {
        string what = SafeText.Line($"Join the parts in '{folder}' into '{JoinParts.Location(folder).WeightsPath}'");
        bool write = ShouldProcess($"{what}.", $"{what}?", "LowRankTools", out ShouldProcessReason reason);
        if (!write && reason != ShouldProcessReason.WhatIf)
            return;
        JoinParts operation = new(new JoinPartsOptions { SourcePath = SourcePath is null ? null : new PathResolver(this).Literal(SourcePath), KeepPart = KeepPart, Force = Force, WhatIf = !write });
        FactorizationResult result = Run(System.IO.Path.GetFileName(folder), (progress, token) => operation.Run(folder, progress, token));
        foreach (string old in result.Displaced)
            Tell($"{(write ? "Replaced or removed" : "Would replace or remove")} '{old}'.");
        if (result.Note.Length > 0)
            Warn(result.Note);
        WriteObject(PassThru && write ? ProviderItem(result.Path) : result);
    }
}
