using System.Management.Automation;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes plans as JSON.</summary>
[Cmdlet(VerbsData.Export, "RankPlan", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportRankPlanCommand : LowRankCommandBase
{
    private RankPlanWriter? _writer;
    private string _target = string.Empty;
    private bool _isFolder;

    /// <summary>Plans to write.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true), ValidateNotNull]
    public RankPlan? InputObject { get; set; }

    /// <summary>A file, or a folder in which each plan gets a file of its model's name.</summary>
    [Parameter(Mandatory = true, Position = 0), Alias("Path"), ValidateNotNullOrEmpty]
    public string OutputPath { get; set; } = string.Empty;

    /// <summary>Whether existing files are replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => Required(OutputPath, () =>
    {
        _target = new PathResolver(this).Literal(OutputPath);
        _writer = new RankPlanWriter(Force);
        _isFolder = Directory.Exists(_target) || !_target.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(InputObject!, () =>
    {
        string path = _isFolder ? Path.Combine(_target, InputObject!.Name + RankPlanFile.Extension) : _target;
        if (!ShouldProcess(path, "Write plan"))
            return;
        _writer!.Write(InputObject!, path);
        WriteObject(ProviderItem(path));
    });
}
