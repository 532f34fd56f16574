namespace LowRankTools.Formats.Writing;

/// <summary>Writes a model that is a graph: what stays of it is copied by the writer itself, and only factors come from the caller.</summary>
public interface IGraphWriter : ITensorWriter
{
    /// <summary>Copies what stays. Comes before the first <see cref="ITensorWriter.Begin"/>.</summary>
    /// <param name="cancellationToken">Stops between pieces.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="IOException">The disk is full, or the source cannot be read.</exception>
    void CopyUnchanged(CancellationToken cancellationToken = default);
}
