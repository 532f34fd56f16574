namespace LowRankTools.Formats.Writing;

/// <summary>A file that is written and flushed and waits for its name.</summary>
/// <param name="File">The file under its temporary name.</param>
/// <param name="Path">Full path that it will have.</param>
public sealed record PendingFile(TemporaryFile File, string Path);
