using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;
using LowRankTools.PowerShell.Binding;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Chooses a rank for every layer by one rule.</summary>
[Cmdlet(VerbsCommon.New, "RankPlan", DefaultParameterSetName = PathSet)]
[OutputType(typeof(RankPlan))]
public sealed partial class NewRankPlanCommand : EngineCommandBase
{
    private readonly ChosenLayers _chosen = new();
    private readonly List<MatrixShape> _shapes = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        Required(null, () => Options(names: null).Validate());
        base.BeginProcessing();
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (InputObject is not null)
            _chosen.Add(InputObject);
        else if (Shape is not null)
            Required(Shape, () => _shapes.AddRange(Shape.Select(MatrixShape.Parse)));
        else
            base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (string path in _chosen.Paths)
            Guarded(path, () => ProcessPath(path, listed: false));
        if (_shapes.Count > 0)
            Guarded(Shape!, () => WriteObject(Run("shapes", (progress, token) => new MakePlan(Options(names: null)).Run(_shapes, progress, token))));
        base.EndProcessing();
    }

    private protected override void ProcessModel(ModelSource source)
    {
        MakePlan operation = new(Options(_chosen.Of(source.Path)));
        RankPlan plan = Run(source.Name, (progress, token) => operation.Run(source, progress, token));
        if (plan.FactorizedLayers == 0)
            Warn($"{source.Path}: no layer gets a rank; each one's Reason in the plan's Layers says why.");
        WriteObject(plan);
    }

    private PlanOptions Options(IReadOnlySet<string>? names) => new()
    {
        Rule = Rule(),
        Method = Method is null ? null : Enum.Parse<FactorMethod>(Method, ignoreCase: true),
        Splits = [.. (ModeSplit ?? []).Select(ModeSplits.Parse)],
        Selection = new LayerSelection
        {
            Include = NamePatterns.Of(Include),
            Exclude = NamePatterns.Of(Exclude),
            Transposed = NamePatterns.Of(TransposedConvolution),
            IncludeEmbedding = IncludeEmbedding,
            Names = names,
        },
        Overrides = LayerRanks.Of(LayerRank),
        MinRank = MinRank,
        Multiple = Multiple,
        ShareBasis = ShareBasis, ShareBasisExclude = NamePatterns.Of(ShareBasisExclude),
        Weighting = Enum.Parse<Weighting>(Weighting ?? (Calibration is null ? "Relative" : "Calibrated"), ignoreCase: true),
        Calibration = CalibrationChoice.Of(Calibration is null ? null : Resolver.Literal(Calibration), CalibrationMode, needsFile: false),
        Measured = Measured(),
        IsAdapter = Adapter,
        DType = DType is { } type ? Enum.Parse<TensorDType>(type.ToString()) : null,
        Quantize = [.. (Quantize ?? []).Distinct(StringComparer.OrdinalIgnoreCase).Select(k => Enum.TryParse(k, ignoreCase: true, out WeightQuantization kind) ? kind : (WeightQuantization?)null)],
        QuantizeDense = QuantizeDense,
        UseCache = !NoCache,
        Engine = ChosenEngine,
        Svd = new SvdOptions { ThreadCount = ThreadCount },
    };

    private RankRule Rule()
    {
        (string Name, RankRule Rule)[] rules =
        [
            (nameof(Rank), new RankRule.Fixed(Rank)),
            (nameof(KeepRatio), new RankRule.KeepRatio(KeepRatio)),
            (nameof(Energy), new RankRule.Energy(Energy)),
            (nameof(TargetReduction), new RankRule.TargetReduction(TargetReduction)),
            (nameof(ParameterBudget), new RankRule.ParameterBudget(ParameterBudget)),
            (nameof(ByteBudget), new RankRule.ByteBudget(ByteBudget)),
            (nameof(MaxRelativeError), new RankRule.MaxRelativeError(MaxRelativeError)),
            (nameof(TargetSpeedup), new RankRule.TargetSpeedup(TargetSpeedup, BatchSize)),
        ];
        RankRule[] given = [.. rules.Where(r => MyInvocation.BoundParameters.ContainsKey(r.Name)).Select(r => r.Rule)];
        return given.Length == 1 ? given[0] : throw new LowRankToolsException(CoreErrors.OptionInvalid,
            $"A plan follows one rule, and {given.Length} were given.", $"Give exactly one of {string.Join(", ", rules.Select(r => "-" + r.Name))}.");
    }
}
