using System.Management.Automation;
using LowRankTools.Core;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes plans as JSON.</summary>
[Cmdlet(VerbsData.Export, "RankPlan", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportRankPlanCommand : LowRankCommandBase
{
    private readonly HashSet<string> _written = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);
    private string _target = string.Empty;
    private bool _isFolder;

    /// <summary>Plans to write.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true), ValidateNotNull]
    public RankPlan? InputObject { get; set; }

    /// <summary>A file, or a folder in which each plan gets a file of its model's name.</summary>
    [Parameter(Mandatory = true, Position = 0), ValidateNotNullOrEmpty]
    public string OutputPath { get; set; } = string.Empty;

    /// <summary>Whether existing files are replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => Required(OutputPath, () =>
    {
        _target = new PathResolver(this).Literal(OutputPath);
        _isFolder = Directory.Exists(_target) || !_target.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
    });

    /// <inheritdoc/>
    protected override void ProcessRecord() => Guarded(InputObject!, () =>
    {
        string path = _isFolder ? Path.Combine(_target, InputObject!.Name + RankPlanFile.Extension) : _target;
        if (!ShouldProcess(path, "Write plan"))
            return;
        // Two plans of one run never share a file, -Force or not.
        RankPlanFile.Write(InputObject!, path, Force && !_written.Contains(path));
        _written.Add(path);
        WriteObject(new FileInfo(path));
    });
}
