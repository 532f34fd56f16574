using System.Management.Automation;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Reads plans that were written as JSON.</summary>
[Cmdlet(VerbsData.Import, "RankPlan", DefaultParameterSetName = nameof(Path))]
[OutputType(typeof(RankPlan))]
public sealed class ImportRankPlanCommand : LowRankCommandBase
{
    private bool _isPiped;

    /// <summary>Plan files; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = nameof(Path))]
    [ValidateNotNullOrEmpty, SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>Plan files, taken as they are.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = nameof(LiteralPath))]
    [Alias("PSPath", "LP", "FullName"), ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => _isPiped = Path is null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        PathResolver resolver = new(this);
        foreach (string path in LiteralPath ?? [])
            Guarded(path, () => WriteObject(RankPlanFile.Read(resolver.Literal(path))));
        foreach (string path in Path ?? [])
        {
            Guarded(path, () =>
            {
                foreach (string full in resolver.Expand(path, _isPiped).Paths)
                    Guarded(full, () => WriteObject(RankPlanFile.Read(full)));
            });
        }
    }
}
