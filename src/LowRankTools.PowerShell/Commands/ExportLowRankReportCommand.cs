using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Reports;
using LowRankTools.Numerics.Svd;
using LowRankTools.PowerShell.Binding;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes one HTML page a model, plan or result, with its counts, spectra and plots.</summary>
[Cmdlet(VerbsData.Export, "LowRankReport", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportLowRankReportCommand : EngineCommandBase
{
    private ExportReport? _operation;

    /// <summary>Plans, each shown with its model where that is still there.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(InputObject)), ValidateNotNull]
    public RankPlan? InputObject { get; set; }

    /// <summary>Results of a factorization, each shown beside its source.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = nameof(Result)), ValidateNotNull]
    public FactorizationResult? Result { get; set; }

    /// <summary>A plan for the model, or the path of its file.</summary>
    [Parameter(ParameterSetName = PathSet), Parameter(ParameterSetName = LiteralPathSet), RankPlanTransformation, ValidateNotNull]
    public RankPlan? Plan { get; set; }

    /// <summary>The model that the others are compared with: a file, or a folder that holds one model.</summary>
    [Parameter(ParameterSetName = PathSet), Parameter(ParameterSetName = LiteralPathSet), ValidateNotNullOrEmpty]
    public string? ReferencePath { get; set; }

    /// <summary>A file that ends in .html, or a folder in which each report gets a file; beside the model by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Patterns of layers whose spectra are shown; all linear layers by default.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of layers whose spectra are left out.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Whether spectra of embeddings are shown too.</summary>
    [Parameter]
    public SwitchParameter IncludeEmbedding { get; set; }

    /// <summary>Whether singular values are left out.</summary>
    [Parameter]
    public SwitchParameter SkipSpectrum { get; set; }

    /// <summary>Whether layers are timed against their pairs on this machine.</summary>
    [Parameter]
    public SwitchParameter IncludeSpeed { get; set; }

    /// <summary>Whether spectra are computed whatever the cache holds, and not kept.</summary>
    [Parameter]
    public SwitchParameter NoCache { get; set; }

    /// <summary>Whether existing reports are replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(null, () => _operation = new ExportReport(new ReportOptions
        {
            OutputPath = OutputPath is null ? null : Resolver.Literal(OutputPath),
            Plan = Plan,
            Reference = ReferencePath is null ? null : OneModel(ReferencePath),
            Selection = new LayerSelection { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude), IncludeEmbedding = IncludeEmbedding },
            SkipSpectrum = SkipSpectrum,
            IncludeSpeed = IncludeSpeed,
            UseCache = !NoCache,
            Force = Force,
            Engine = ChosenEngine,
            Svd = new SvdOptions { ThreadCount = ThreadCount },
        }));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is { } plan)
            Guarded(plan.Name, () => Write(plan.Name, _operation!.Location(plan), (progress, token) => _operation.Run(plan, progress, token)));
        else if (Result is { } result)
            Guarded(result.Name, () => Write(result.Name, _operation!.Location(result), (progress, token) => _operation.Run(result, progress, token)));
        else
            base.ProcessRecord();
    }

    private protected override void ProcessModel(ModelSource source) =>
        Write(source.Name, _operation!.Location(source), (progress, token) => _operation.Run(source, progress, token));

    private void Write(string name, string path, Func<IProgress<OperationProgress>, CancellationToken, ReportResult> work)
    {
        if (!ShouldProcess(path, "Write report"))
            return;
        ReportResult written = Run(name, work);
        WriteObject(new FileInfo(written.Path));
    }
}
