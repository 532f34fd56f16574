using System.Management.Automation;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Text;
using LowRankTools.PowerShell.Completion;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Makes models smaller by one command: calibrates, plans, factorizes, trains where it is asked to, and judges.</summary>
[Cmdlet(VerbsData.Compress, "LowRankModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(CompressResult))]
public sealed class CompressLowRankModelCommand : TextCommandBase
{
    private readonly OutputClaims _claims = new();
    private CompressOptions? _options;

    /// <summary>Share of their parameters that the chosen layers keep together.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    public double KeepRatio { get; set; }

    /// <summary>What layers become: pairs, or pairs that are written in fewer numbers.</summary>
    [Parameter, ValidateSet("Svd", "Pivoted")]
    public string Method { get; set; } = "Svd";

    /// <summary>Whether layers are calibrated once more, one after the other, behind those compressed before them.</summary>
    [Parameter]
    public SwitchParameter Sequential { get; set; }

    /// <summary>A folder in which each model gets a folder of its name; beside the source by default.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? OutputPath { get; set; }

    /// <summary>Patterns of layers to factorize; all linear layers by default.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Include { get; set; }

    /// <summary>Patterns of layers to leave dense.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards, ArgumentCompleter(typeof(LayerNameCompleter))]
    public string[]? Exclude { get; set; }

    /// <summary>Share of the lines by which the result is judged, and on which nothing else is done.</summary>
    [Parameter]
    public double JudgeShare { get; set; } = 0.1;

    /// <summary>Most runs of the model by which ranks are exchanged between its layers; 0 for none.</summary>
    [Parameter, ValidateRange(0, 100_000)]
    public int Trials { get; set; } = MeasuredPlanOptions.DefaultTrials;

    /// <summary>What those runs are to make better.</summary>
    [Parameter, ValidateSet("Auto", "MeanCosine", "Pearson", "Spearman", "Perplexity")]
    public string Measure { get; set; } = "Auto";

    /// <summary>Steps of training after the factorization; none by default.</summary>
    [Parameter, ValidateRange(0, 100_000_000)]
    public int Steps { get; set; }

    /// <summary>Largest learning rate of the training.</summary>
    [Parameter]
    public double LearningRate { get; set; } = 3e-4;

    /// <summary>Chooses lines, signs and orders; the same seed gives the same bytes.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>Whether existing output is replaced.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Required(OutputPath, () =>
        {
            _options = new CompressOptions
            {
                Input = Input, KeepRatio = KeepRatio, Method = Enum.Parse<FactorMethod>(Method, ignoreCase: true), Sequential = Sequential, OutputPath = OutputPath is null ? null : Resolver.Literal(OutputPath), JudgeShare = JudgeShare, Trials = Trials, Measure = Enum.Parse<QualityMeasure>(Measure, ignoreCase: true), Steps = Steps, LearningRate = LearningRate,
                Selection = new LayerSelection { Include = NamePatterns.Of(Include), Exclude = NamePatterns.Of(Exclude) },
                Pooling = ChosenPooling, BatchSize = BatchSize, Seed = (ulong)Seed, Engine = ChosenEngine, ThreadCount = ThreadCount, Force = Force,
            };
            _options.Validate();
        });
    }

    private protected override void ProcessModel(ModelSource source)
    {
        CompressModel operation = new(_options!);
        OutputLocation location = operation.Location(source);
        _claims.Claim(location, source);
        string what = SafeText.Line($"Compress '{source.Path}' into '{location.WeightsPath}'");
        if (!ShouldProcess($"{what}.", $"{what}?", "LowRankTools"))
            return;
        CompressResult result = Run(source.Name, (progress, token) => operation.Run(source, progress, token));
        foreach (CompressStep step in result.Steps)
            Tell(step.ToString());
        WriteObject(result);
    }
}
