namespace LowRankTools.Core.Reports;

/// <summary>A report that was written, or would be.</summary>
public sealed record ReportResult
{
    /// <summary>Full path of the HTML file.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model or the plan.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the file was written; false where only asked what would be.</summary>
    public required bool Written { get; init; }

    /// <summary>Plots in it; zero where nothing was written.</summary>
    public int Figures { get; init; }

    /// <summary>Bytes of the file; zero where nothing was written.</summary>
    public long Bytes { get; init; }
}
