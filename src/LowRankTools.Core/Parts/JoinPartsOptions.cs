namespace LowRankTools.Core.Parts;

/// <summary>How parts are joined.</summary>
public sealed record JoinPartsOptions
{
    /// <summary>The model that the parts were made from; null for where it was then.</summary>
    public string? SourcePath { get; init; }

    /// <summary>Whether an existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the parts stay when the model stands.</summary>
    public bool KeepPart { get; init; }

    /// <summary>Whether it is only said what would be written.</summary>
    public bool WhatIf { get; init; }
}
