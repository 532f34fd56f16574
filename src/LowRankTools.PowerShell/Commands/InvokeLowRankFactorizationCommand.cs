using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;
using LowRankTools.PowerShell.Binding;
using LowRankTools.PowerShell.Paths;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Writes models whose weight matrices are pairs of low-rank factors.</summary>
// A LayerShape has a Path too. It binds as a whole all the same, because the binder tries objects as they are before it
// tries their properties; for that InputObject must be no array, which would need a conversion.
[Cmdlet(VerbsLifecycle.Invoke, "LowRankFactorization", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(FactorizationResult), typeof(FileInfo))]
public sealed partial class InvokeLowRankFactorizationCommand : WriteCommandBase
{
    private readonly ChosenLayers _chosen = new();

    // What stands in the command line; a plan may still come through the pipeline.
    private string[] Rules => [.. new[] { nameof(Rank), nameof(KeepRatio), nameof(Energy), nameof(Plan) }.Where(IsBound)];

    private RankRule? Rule =>
        IsBound(nameof(Rank)) ? new RankRule.Fixed(Rank)
        : IsBound(nameof(KeepRatio)) ? new RankRule.KeepRatio(KeepRatio)
        : IsBound(nameof(Energy)) ? new RankRule.Energy(Energy)
        : null;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        Required(null, RequireOneRule);
        if (InputObject is not null)
            _chosen.Add(InputObject);
        else if (ParameterSetName == nameof(Plan))
            Guarded(Plan!.Name, () => ProcessModel(new ModelLocator().Find(Planned(Plan))[0]));
        else
            base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (string path in _chosen.Paths)
            Guarded(path, () => ProcessPath(path, listed: false));
        base.EndProcessing();
    }

    private protected override void ValidateOptions()
    {
        // A plan that is piped is not there yet; each is looked at when it comes.
        if (Rules.Length > 0 || !MyInvocation.ExpectingInput)
        {
            RequireOneRule();
            Check(Options(names: null));
        }
        TellEngine(Choice(Engine, Device));
    }

    private protected override void ProcessModel(ModelSource source)
    {
        FactorizeOptions options = Options(_chosen.Of(source.Path));
        if (MayWrite(source, Location(options, source), "Factorize") is not { } write)
            return;
        FactorizationResult result = Run(source.Name, (progress, token) => Factorize(options with { WhatIf = !write }, source, progress, token));
        if (result.Uncalibrated.Count > 0)
            Warn($"{source.Path}: the calibration has nothing on {string.Join(", ", result.Uncalibrated)}; only the weight was looked at there.");
        if (result.FactorizedLayers == 0)
            Warn($"{source.Path}: no layer would be factorized; each one's Reason in the result's Layers says why.");
        WriteResult(result, result.Path, result.Written, result.Displaced, result.Note);
    }

    private void RequireOneRule()
    {
        if (Rules is not [_])
        {
            throw new LowRankToolsException(CoreErrors.OptionInvalid, Rules.Length == 0 ? "Nothing says which ranks the layers get."
                : $"Ranks follow one rule, and {string.Join(" and ", Rules.Select(r => "-" + r))} were given.", "Give exactly one of -Rank, -KeepRatio, -Energy and -Plan.");
        }
    }

    private static string Planned(RankPlan plan) => plan.Path ?? throw new LowRankToolsException(CoreErrors.PlanModelMismatch,
        $"The plan '{plan.Name}' was made for bare shapes: it has no model.", "Name the model too, with -AnyModel.");

    private bool IsBound(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    private FactorizeOptions Options(IReadOnlySet<string>? names) => new()
    {
        Rule = Rule,
        Plan = Plan,
        AnyModel = AnyModel,
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
        OutputPath = FullOutputPath,
        Format = ChosenFormat,
        DType = ChosenDType,
        Quantize = ChosenQuantization,
        QuantizeDense = QuantizeDense,
        DenseTwoOfFour = DenseSparsity is not null,
        Split = Enum.Parse<FactorSplit>(Split, ignoreCase: true),
        FirstBias = FirstBias, ShareBasis = ShareBasis, ShareBasisExclude = NamePatterns.Of(ShareBasisExclude),
        Calibration = CalibrationChoice.Of(Calibration is null ? null : Resolver.Literal(Calibration), CalibrationMode, IsBound(nameof(CalibrationMode)), CalibrationRefit),
        MaxShardBytes = MaxShardSize,
        Force = Force,
        UseCache = !NoCache,
        Engine = Choice(Engine, Device),
        Svd = new SvdOptions { Seed = (ulong)Seed, ThreadCount = ThreadCount },
    };
}
