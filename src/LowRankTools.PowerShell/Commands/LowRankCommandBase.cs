using System.Management.Automation;
using LowRankTools.Core.Text;
using LowRankTools.PowerShell.Errors;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet of this module: its errors go through one place.</summary>
public abstract class LowRankCommandBase : PSCmdlet
{
    /// <summary>Whether an error of one thing was written: what needs all of them then has not all.</summary>
    private protected bool AnyFailed { get; private set; }

    /// <summary>Warns; names in the text may be anybody's.</summary>
    private protected void Warn(string warning) => WriteWarning(SafeText.Line(warning));

    /// <summary>Tells those who asked for every detail; names in the text may be anybody's.</summary>
    private protected void Tell(string detail) => WriteVerbose(SafeText.Line(detail));

    /// <summary>Makes an error that was foreseen the error of this one thing, so that the next one has its turn.</summary>
    private protected void Guarded(object target, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (ErrorRecords.From(e, target) is not null)
        {
            AnyFailed = true;
            WriteError(ErrorRecords.From(e, target)!);
        }
    }

    /// <summary>A file as Get-Item gives it, with its PSPath, which the next cmdlet binds to.</summary>
    private protected PSObject ProviderItem(string path) => InvokeProvider.Item.Get([path], force: true, literalPath: true)[0];

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
