using LowRankTools.Core.Text;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Errors;

/// <summary>One line for one thing that went wrong: id, file, tensor, what is wrong, what to do.</summary>
internal static class ErrorLine
{
    /// <summary>The line of an error that was raised on purpose; its message names file and tensor.</summary>
    public static string Of(LowRankToolsException error)
    {
        string tail = error.Remedy.Length == 0 ? "" : " " + error.Remedy;
        string problem = error.Message.EndsWith(tail, StringComparison.Ordinal) ? error.Message[..^tail.Length] : error.Message;
        if (error is ModelFormatException { Tensor: { } tensor } && !problem.Contains(tensor, StringComparison.Ordinal))
            problem = $"{problem} (tensor '{tensor}')";
        return Format(error.ErrorId, problem, OptionNames.Translate(error.Remedy));
    }

    /// <summary>The line of an error that the system raised about a path.</summary>
    public static string Of(string path, Exception error) => error switch
    {
        UnauthorizedAccessException => Format("FileAccessDenied", $"{path}: {error.Message}", "Check the permissions of the file and its folder."),
        OutOfMemoryException => Format("OutOfMemory", $"{path}: a tensor of the model needs more memory than there is.", "Leave the largest layers out with --exclude."),
        _ => Format("FileReadFailed", $"{path}: {error.Message}", "Check that the file exists and the disk is well."),
    };

    private static string Format(string id, string problem, string remedy) =>
        SafeText.Line($"error {id}: {problem}{(remedy.Length == 0 ? "" : " ")}{remedy}");
}
