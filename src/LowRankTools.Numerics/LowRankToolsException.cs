namespace LowRankTools.Numerics;

/// <summary>
/// The one base of every error that LowRankTools raises on purpose. It carries a stable id that scripts can
/// test for, and says which file and tensor are meant and what to do about it.
/// </summary>
public class LowRankToolsException : Exception
{
    /// <summary>Creates an error.</summary>
    /// <param name="errorId">Stable PascalCase id, such as <c>TensorTruncated</c>.</param>
    /// <param name="message">What is wrong, in one sentence, with file and tensor names in it.</param>
    /// <param name="remedy">What the reader can do, in one sentence; may be empty.</param>
    /// <param name="innerException">The cause, where there is one.</param>
    public LowRankToolsException(string errorId, string message, string remedy = "", Exception? innerException = null)
        : base(remedy.Length == 0 ? message : $"{message} {remedy}", innerException)
    {
        ErrorId = errorId;
        Remedy = remedy;
    }

    /// <summary>Stable PascalCase id of what went wrong.</summary>
    public string ErrorId { get; }

    /// <summary>What the reader can do about it; empty where nothing helps.</summary>
    public string Remedy { get; }
}
