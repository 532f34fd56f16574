using System.Text.Json.Serialization;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Core.Planning;

/// <summary>A plan as it stands in JSON: the properties of <see cref="RankPlan"/> under their names, in reading order.</summary>
internal sealed record PlanDocument(
    int Version,
    string? Path,
    string Name,
    string? Fingerprint,
    string Rule,
    Weighting Weighting,
    SpectrumOrigin Spectrum,
    bool IsAdapter,
    int MinRank,
    int Multiple,
    string? DType,
    bool IsOptimal,
    bool IsEdited,
    double? RelativeError,
    double? LowerBound,
    double? Speedup,
    long ParametersBefore,
    long Parameters,
    double KeptRatio,
    long BytesBefore,
    long Bytes,
    long FlopsBefore,
    long Flops,
    int FactorizedLayers,
    int KeptLayers,
    long ModelParametersBefore,
    long ModelParameters,
    long ModelBytesBefore,
    long ModelBytes,
    long OtherParameters,
    long OtherBytesBefore,
    long OtherBytes,
    [property: JsonPropertyOrder(1)] IReadOnlyList<PlanDocumentLayer> Layers)
{
    // What plans that were written earlier lack: no parameters of the constructor, which are all required.

    public double? ModelKeptRatio { get; init; }

    public double? NormError { get; init; }

    public PlanCalibration? Calibration { get; init; }

    public PlanMeasurement? Measurement { get; init; }

    private const int MostLayers = 1_000_000;

    // Far above any model, and far enough below the end of long that no total overflows.
    private const long MostElements = 1L << 56;

    public static PlanDocument Of(RankPlan plan) => new(plan.Version, plan.Path, plan.Name, plan.Fingerprint, plan.Rule, plan.Weighting, plan.Spectrum,
        plan.IsAdapter, plan.MinRank, plan.Multiple, plan.DType, plan.IsOptimal, plan.IsEdited, plan.RelativeError, plan.LowerBound, plan.Speedup, plan.ParametersBefore,
        plan.Parameters, plan.KeptRatio, plan.BytesBefore, plan.Bytes, plan.FlopsBefore, plan.Flops, plan.FactorizedLayers, plan.KeptLayers, plan.ModelParametersBefore,
        plan.ModelParameters, plan.ModelBytesBefore, plan.ModelBytes, plan.OtherParameters, plan.OtherBytesBefore, plan.OtherBytes,
        [.. plan.Layers.Select(PlanDocumentLayer.Of)])
    { ModelKeptRatio = plan.ModelKeptRatio, NormError = plan.NormError, Calibration = plan.Calibration, Measurement = plan.Measurement };

    /// <summary>The plan, with every figure that follows from others computed again.</summary>
    /// <param name="invalid">Makes the error of a document that makes no sense.</param>
    public RankPlan ToPlan(Func<string, Exception> invalid)
    {
        if (Version is < RankPlan.OldestVersion or > RankPlan.CurrentVersion)
            throw invalid($"its version is {Version}, and this program knows versions {RankPlan.OldestVersion} to {RankPlan.CurrentVersion}");
        if (Layers.Count > MostLayers || Layers.Contains(null!))
            throw invalid($"it has a layer that is nothing, or more than {MostLayers}");
        if (Calibration is { } calibration && !(Enum.IsDefined(calibration.Mode) && calibration.Damping > 0 && double.IsFinite(calibration.Damping)))
            throw invalid("its calibration has a mode or a damping that makes no sense");
        if (Measurement is { } measured && !(Enum.IsDefined(measured.Measure) && double.IsFinite(measured.Before + measured.After) && measured.Seconds >= 0))
            throw invalid("its measurement has a figure that makes no sense");
        if (!Enum.IsDefined(Weighting) || !Enum.IsDefined(Spectrum))
            throw invalid("its weighting or its spectrum has a number that stands for nothing");
        if (MinRank < 1 || Multiple < 1 || OtherParameters < 0 || OtherBytesBefore < 0 || OtherBytes < 0)
            throw invalid("a number of it is below the least that makes sense");
        TensorDType? dtype = DType is null ? null : PlanDocumentLayer.Type(DType, invalid);
        Dictionary<string, LayerPlan> plans = new(StringComparer.Ordinal);
        Dictionary<string, int> sharing = Layers.Where(l => l.Basis is not null).GroupBy(l => l.Basis!, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        // The layer whose basis others use may stand behind them: files order names as texts, 10 before 9.
        foreach (PlanDocumentLayer layer in Layers.OrderBy(l => l.Basis is not null))
        {
            if (!plans.TryAdd(layer.Name, layer.ToPlan(dtype, IsAdapter, plans, 1 + sharing.GetValueOrDefault(layer.Basis ?? layer.Name), invalid)))
                throw invalid($"it has two layers '{layer.Name}'");
        }
        if (Math.Max(OtherParameters, Math.Max(OtherBytes, OtherBytesBefore)) > MostElements || plans.Values.Sum(p => (double)p.BytesBefore + 16.0 * p.DenseParameters) > MostElements)
            throw invalid("its sizes are too large");
        return new RankPlan
        {
            Path = Path,
            Name = Name,
            Fingerprint = Fingerprint,
            Rule = Rule,
            Weighting = Weighting,
            Spectrum = Spectrum,
            Calibration = Calibration,
            Measurement = Measurement,
            IsAdapter = IsAdapter,
            MinRank = MinRank,
            Multiple = Multiple,
            DType = DType,
            OtherParameters = OtherParameters,
            OtherBytesBefore = OtherBytesBefore,
            OtherBytes = OtherBytes,
            Proof = new PlanProof(LowerBound, IsOptimal, Speedup),
            Layers = Layers.Select(l => plans[l.Name]).ToList().AsReadOnly(),
        };
    }
}
