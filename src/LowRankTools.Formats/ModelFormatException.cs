using LowRankTools.Numerics;

namespace LowRankTools.Formats;

/// <summary>A model file that is damaged, hostile, or of a kind that this library does not read.</summary>
public sealed class ModelFormatException : LowRankToolsException
{
    /// <summary>Creates an error about a model file.</summary>
    /// <param name="errorId">One of <see cref="FormatErrors"/>.</param>
    /// <param name="message">What is wrong, in one sentence.</param>
    /// <param name="file">The file, where it is known here; the door that opens files adds it otherwise.</param>
    /// <param name="tensor">The tensor, where one is meant.</param>
    /// <param name="remedy">What the reader can do; by default what the error id itself tells.</param>
    /// <param name="inner">The cause.</param>
    public ModelFormatException(string errorId, string message, string? file = null, string? tensor = null,
        string remedy = "", Exception? inner = null)
        : base(errorId, file is null || message.Contains(file, StringComparison.Ordinal) ? message : $"{file}: {message}",
            remedy.Length == 0 ? FormatRemedies.For(errorId) : remedy, inner)
    {
        File = file;
        Tensor = tensor;
        Problem = message;
    }

    /// <summary>The file that is wrong, if known.</summary>
    public string? File { get; }

    /// <summary>The tensor that is wrong, if one is meant.</summary>
    public string? Tensor { get; }

    private string Problem { get; }

    /// <summary>The same error with the file's name in it.</summary>
    internal ModelFormatException In(string file) =>
        File is null ? new ModelFormatException(ErrorId, Problem, file, Tensor, Remedy, InnerException) : this;
}
