namespace LowRankTools.Fuzzing.Running;

/// <summary>How far an input came: the error that refused it, and which operations it went through.</summary>
/// <param name="Refused">Id of the error at opening or reading; null where the input was accepted.</param>
/// <param name="Factorized">What factorizing came to: an error id, <see cref="Done"/>, or null where it was not tried.</param>
/// <param name="Merged">The same of merging.</param>
internal readonly record struct Verdict(string? Refused, string? Factorized = null, string? Merged = null)
{
    public const string Done = "done";
}

/// <summary>An input that broke the property.</summary>
internal sealed class FuzzFailureException(string message, Exception? inner = null) : Exception(message, inner);
