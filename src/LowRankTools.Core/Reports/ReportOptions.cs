using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Reports;

/// <summary>Everything that <see cref="ExportReport"/> can be told.</summary>
public sealed record ReportOptions
{
    /// <summary>Ends the names of report files that are named by this program.</summary>
    public const string Extension = ".report.html";

    /// <summary>A file that ends in <c>.html</c> or <c>.htm</c>, or a folder in which each report gets a file of its model's name; null for a file beside the model.</summary>
    public string? OutputPath { get; init; }

    /// <summary>A plan for the models, whose ranks are shown; null for none.</summary>
    public RankPlan? Plan { get; init; }

    /// <summary>The model that the others are compared with; null for none.</summary>
    public ModelSource? Reference { get; init; }

    /// <summary>Which layers' spectra are shown; all linear ones by default.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>Whether singular values are left out, which cost the most time.</summary>
    public bool SkipSpectrum { get; init; }

    /// <summary>Whether layers are timed against their pairs on this machine; the report is then no longer the same every time.</summary>
    public bool IncludeSpeed { get; init; }

    /// <summary>Whether spectra are kept in the user's cache folder and taken from there.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>Whether existing reports are replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether nothing is computed or written, and only told what would be.</summary>
    public bool WhatIf { get; init; }

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Threads.</summary>
    public SvdOptions Svd { get; init; } = SvdOptions.Default;
}
