using System.Text;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Reports;

/// <summary>
/// Writes reports: for each model, plan or result one HTML file that holds all it shows, its script included. The reports
/// of one run never share a file.
/// </summary>
/// <param name="options">Where to, what to show, what to compute.</param>
public sealed class ExportReport(ReportOptions options)
{
    private readonly HashSet<string> _claimed = new(OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);

    /// <summary>Where the report of a model goes.</summary>
    public string Location(ModelSource source) => Location(source.Name, Path.GetDirectoryName(source.Path));

    /// <summary>Where the report of a plan goes.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>: the plan has no model beside which it could lie, and no place was named.</exception>
    public string Location(RankPlan plan) => Location(plan.Name, Path.GetDirectoryName(plan.Path));

    /// <summary>Reports on a model: dense or factorized, with the plan and against the reference of the options.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every layer.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is written then.</param>
    /// <exception cref="LowRankToolsException"><c>OutputExists</c>, <c>OutputCollision</c>, <c>OutputNotWritable</c>, <c>PlanModelMismatch</c>, <c>NonFiniteValues</c>, or a file is damaged.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ReportResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Export(source.Name, Location(source), () => new ModelReport(options, progress, cancellationToken).Build(source));

    /// <summary>Reports on a plan, with the spectra of its model where the model is still there.</summary>
    /// <inheritdoc cref="Run(ModelSource, IProgress{OperationProgress}?, CancellationToken)"/>
    /// <param name="plan">The plan.</param>
    /// <param name="progress">Told about every layer.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is written then.</param>
    public ReportResult Run(RankPlan plan, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Export(plan.Name, Location(plan), () => plan.Path is { } path && File.Exists(path)
            ? new ModelReport(options with { Plan = plan }, progress, cancellationToken).Build(new ModelLocator().Find(path)[0])
            : new Report($"Plan: {plan.Name}", PlanReport.Summary(plan), PlanReport.Figures(plan)) { Plan = plan });

    /// <summary>Reports on a factorized model beside the model it was made from.</summary>
    /// <inheritdoc cref="Run(ModelSource, IProgress{OperationProgress}?, CancellationToken)"/>
    /// <param name="result">What a factorization told; a model that was not written is shown by its plan alone.</param>
    /// <param name="progress">Told about every layer.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is written then.</param>
    public ReportResult Run(FactorizationResult result, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Export(result.Name, Location(result), () => new ModelReport(options, progress, cancellationToken).Build(result));

    /// <summary>Where the report of a result goes.</summary>
    public string Location(FactorizationResult result) => Location(result.Name, Path.GetDirectoryName(result.Written ? result.Path : result.Source));

    private string Location(string name, string? beside)
    {
        if (options.OutputPath is { } output && IsFile(output))
            return Path.GetFullPath(output);
        string folder = options.OutputPath ?? beside
            ?? throw new LowRankToolsException(CoreErrors.OptionInvalid, $"'{name}' has no model beside which its report could lie.", "Name a file with -OutputPath.");
        return Path.Combine(Path.GetFullPath(folder), FileName(name) + ReportOptions.Extension);
    }

    private static bool IsFile(string path) => Path.GetExtension(path).ToUpperInvariant() is ".HTML" or ".HTM";

    // A plan's name comes from a file and need not be one that a file can have.
    private static string FileName(string name)
    {
        string kept = string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or ' ' ? c : '_')).Trim('.', ' ');
        return kept.Length == 0 ? "report" : kept.Length > 100 ? kept[..100] : kept;
    }

    private ReportResult Export(string name, string path, Func<Report> build)
    {
        if (!_claimed.Add(path))
            throw new LowRankToolsException(CoreErrors.OutputCollision, $"{path}: another report of this run was written there.", "Write each report to a file of its own, or name a folder.");
        if (Directory.Exists(path))
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{path}: this is a folder.", "Name a file.");
        OutputCheck.Free([path], options.Force);
        if (options.WhatIf)
            return new ReportResult { Path = path, Name = name, Written = false };
        Report report = build();
        byte[] page = Encoding.UTF8.GetBytes(ReportPage.Write(report));
        Write(path, page);
        return new ReportResult { Path = path, Name = name, Written = true, Figures = report.Figures.Count, Bytes = page.Length };
    }

    private void Write(string path, byte[] page)
    {
        try
        {
            string folder = Path.GetDirectoryName(path)!;
            Directory.CreateDirectory(folder);
            using TemporaryFile file = new(folder);
            file.Append(page);
            file.Flush();
            file.MoveTo(path, options.Force);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{path}: {e.Message}", "Choose another -OutputPath.", e);
        }
    }
}
