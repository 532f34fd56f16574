using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Text;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Errors;

/// <summary>The one place that makes error records: a stable id, a category and the thing that is wrong.</summary>
internal static class ErrorRecords
{
    /// <summary>The record of an error that was foreseen; null for one that was not, which then surfaces as it is.</summary>
    public static ErrorRecord? From(Exception exception, object? target)
    {
        if (Find(exception, target) is not { } record)
            return null;
        // Names in messages come out of files; the exception keeps them as they are.
        string shown = record.ErrorDetails?.Message ?? exception.Message, safe = SafeText.Line(shown);
        if (safe != shown)
            record.ErrorDetails = new ErrorDetails(safe) { RecommendedAction = record.ErrorDetails?.RecommendedAction };
        return record;
    }

    private static ErrorRecord? Find(Exception exception, object? target) => exception switch
    {
        LowRankToolsException e => WithRemedy(new ErrorRecord(e, e.ErrorId, Category(e.ErrorId), target), e.Remedy),
        ItemNotFoundException or System.Management.Automation.DriveNotFoundException or FileNotFoundException or DirectoryNotFoundException =>
            new ErrorRecord(exception, CoreErrors.PathNotFound, ErrorCategory.ObjectNotFound, target),
        ProviderNotFoundException or PSNotSupportedException =>
            new ErrorRecord(exception, CommandErrors.PathNotFileSystem, ErrorCategory.InvalidArgument, target),
        WildcardPatternException or PathTooLongException or ArgumentException { ParamName: "path" } =>
            new ErrorRecord(exception, CommandErrors.PathInvalid, ErrorCategory.InvalidArgument, target),
        UnauthorizedAccessException => new ErrorRecord(exception, CommandErrors.FileAccessDenied, ErrorCategory.PermissionDenied, target),
        IOException => new ErrorRecord(exception, CommandErrors.FileReadFailed, ErrorCategory.ReadError, target),
        OutOfMemoryException => new ErrorRecord(exception, CommandErrors.OutOfMemory, ErrorCategory.ResourceUnavailable, target),
        _ => null,
    };

    /// <summary>A path that another provider owns.</summary>
    public static LowRankToolsException NotFileSystem(string path, string provider) => new(CommandErrors.PathNotFileSystem,
        $"{path}: this is a path of the {provider} provider, not of the file system.", "Name a file or a folder.");

    private static ErrorRecord WithRemedy(ErrorRecord record, string remedy)
    {
        // PowerShell shows the remedy on a line of its own.
        string message = record.Exception.Message;
        if (remedy.Length > 0 && message.EndsWith(" " + remedy, StringComparison.Ordinal))
            record.ErrorDetails = new ErrorDetails(message[..^(remedy.Length + 1)]) { RecommendedAction = remedy };
        return record;
    }

    private static ErrorCategory Category(string errorId) => errorId switch
    {
        CoreErrors.PathNotFound or CoreErrors.NoModelsFound or CoreErrors.LayerNotFound or CoreErrors.NoFactorsFound
            or CoreErrors.ConfigNotFound or CoreErrors.PresetUnknown or CoreErrors.EnginePackageNotFound or CoreErrors.LibTorchNotFound or CoreErrors.TokenizerNotFound or FormatErrors.ReferencedFileMissing or FormatErrors.RemoteNotFound or CommandErrors.EngineNotFound => ErrorCategory.ObjectNotFound,
        CoreErrors.OutputExists => ErrorCategory.ResourceExists,
        CoreErrors.OutputIsSource or CoreErrors.OutputCollision or CoreErrors.OptionInvalid or CoreErrors.InputInvalid or CoreErrors.NameCollision
            or CoreErrors.BudgetTooSmall or CoreErrors.TargetUnreachable or CoreErrors.RankExceedsLayer
            or CommandErrors.PathNotFileSystem or CommandErrors.ReferenceAmbiguous => ErrorCategory.InvalidArgument,
        CoreErrors.OutputNotWritable => ErrorCategory.WriteError,
        CoreErrors.DiskFull or CoreErrors.EngineInstallFailed or CoreErrors.DeviceMemoryExhausted => ErrorCategory.ResourceUnavailable,
        CoreErrors.EngineUnavailable or CoreErrors.EngineNotInstalled or CoreErrors.TokenizerUnavailable => ErrorCategory.NotInstalled,
        FormatErrors.RemoteUnreachable or FormatErrors.RemoteFailed => ErrorCategory.ConnectionError,
        FormatErrors.RemoteTimeout => ErrorCategory.OperationTimeout,
        FormatErrors.RemoteDenied => ErrorCategory.AuthenticationError,
        FormatErrors.RemoteAddressRefused or FormatErrors.RemoteRedirectRefused or FormatErrors.PickleGlobalRefused or FormatErrors.ReferencedFileOutside => ErrorCategory.SecurityError,
        _ => ErrorCategory.InvalidData,
    };
}
