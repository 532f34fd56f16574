using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;

namespace LowRankTools.Core.Plans;

/// <summary>
/// What is to happen to a model: one decision for each of its weights. Data, made before anything is computed; ranks may be
/// changed, and all totals follow.
/// </summary>
public sealed class RankPlan
{
    /// <summary>Version of the layout that <see cref="RankPlanFile"/> writes.</summary>
    public const int CurrentVersion = 3;

    /// <summary>Version of plans in which no layers share a basis.</summary>
    internal const int WithoutBases = 2;

    /// <summary>Oldest version that is read: plans without convolutions.</summary>
    internal const int OldestVersion = 1;

    internal RankPlan()
    {
    }

    /// <summary>Version of the layout in JSON: the oldest that has what the plan says.</summary>
    public int Version => SharesBasis ? CurrentVersion : WithoutBases;

    /// <summary>Whether any layers share a basis.</summary>
    internal bool SharesBasis => Layers.Any(l => l.Basis is not null);

    /// <summary>Full path of the model; null for a plan of bare shapes.</summary>
    public required string? Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>Fingerprint of the model that it was made for, <see cref="ModelFingerprint"/>; null for bare shapes.</summary>
    public required string? Fingerprint { get; init; }

    /// <summary>The rule that made it, such as <c>TargetReduction 2</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>How the errors of different layers were weighed against each other.</summary>
    public required Weighting Weighting { get; init; }

    /// <summary>Where the cost of a rank in error came from.</summary>
    public required SpectrumOrigin Spectrum { get; init; }

    /// <summary>The calibration that it was made with, and will be carried out with where no other is named; null for none.</summary>
    public PlanCalibration? Calibration { get; set; }

    /// <summary>How the ranks were exchanged between layers by the measured quality of the model; null where they were not.</summary>
    public PlanMeasurement? Measurement { get; init; }

    /// <summary>Whether it plans adapters: the weights stay, and what is counted is trained beside them.</summary>
    public required bool IsAdapter { get; init; }

    /// <summary>Smallest rank that was allowed.</summary>
    public required int MinRank { get; init; }

    /// <summary>Ranks were to be multiples of this.</summary>
    public required int Multiple { get; init; }

    /// <summary>Element type that was asked for; null for each layer's own.</summary>
    public required string? DType { get; init; }

    /// <summary>Parameters of all tensors that are no weights in <see cref="Layers"/>: biases, norms.</summary>
    public required long OtherParameters { get; init; }

    /// <summary>Bytes of those before.</summary>
    public required long OtherBytesBefore { get; init; }

    /// <summary>Bytes of those as they will be written.</summary>
    public required long OtherBytes { get; init; }

    /// <summary>What was proven of the ranks as they were planned.</summary>
    internal PlanProof Proof { get; init; } = new(null, false);

    /// <summary>Decisions, in the order of the file.</summary>
    /// <remarks>Not an array: <c>$plan.Layers.Rank</c> would be the array's own Rank in PowerShell. Not what a collection expression makes: PowerShell could not index it.</remarks>
    public required IReadOnlyList<LayerPlan> Layers { get; init => field = new ShownList<LayerPlan>(value); }

    /// <summary>Whether a rank is not the planned one.</summary>
    public bool IsEdited => Layers.Any(l => l.Choice != l.PlannedChoice);

    /// <summary>Whether the ranks are proven to be the best that the rule and the constraints allow; false for rules that seek no best, and once ranks were edited.</summary>
    public bool IsOptimal => Proof.IsOptimal && !IsEdited;

    /// <summary>
    /// A lower bound of <see cref="RelativeError"/> over all ranks that cost no more: what no choice can beat. Null where the rule
    /// decides each layer by itself, where the plan was made without values, and once ranks were edited.
    /// </summary>
    public double? LowerBound => IsEdited ? null : Proof.LowerBound;

    /// <summary>Parameters of the chosen layers before, shared storage once, biases aside.</summary>
    public long ParametersBefore => Chosen.Sum(l => l.ParametersBefore);

    /// <summary>Parameters of what stands for the chosen layers; of adapters, the trainable ones.</summary>
    public long Parameters => Chosen.Sum(l => l.Parameters);

    /// <summary>Parameters over parameters before, of the chosen layers.</summary>
    public double KeptRatio => ParametersBefore is var before && before == 0 ? 1 : (double)Parameters / before;

    /// <summary>Bytes of the chosen layers before.</summary>
    public long BytesBefore => Chosen.Sum(l => l.BytesBefore);

    /// <summary>Bytes of what stands for them.</summary>
    public long Bytes => Chosen.Sum(l => l.Bytes);

    /// <summary>Floating-point operations of the chosen layers for one token before.</summary>
    public long FlopsBefore => Chosen.Sum(l => l.FlopsBefore ?? 0);

    /// <summary>The same after.</summary>
    public long Flops => Chosen.Sum(l => l.Flops ?? 0);

    /// <summary>Parameters of the whole model before, shared storage once.</summary>
    public long ModelParametersBefore => OtherParameters + Layers.Sum(l => l.ParametersBefore);

    /// <summary>Parameters of the whole model after; with adapters, the model's and theirs.</summary>
    public long ModelParameters => OtherParameters + Layers.Sum(l => l.Parameters + (IsAdapter ? l.ParametersBefore : 0));

    /// <summary>Parameters of the whole model after over those before: what <see cref="FactorizationResult.KeptRatio"/> will be.</summary>
    public double ModelKeptRatio => ModelParametersBefore is var before && before == 0 ? 1 : (double)ModelParameters / before;

    /// <summary>Bytes of all tensors before; headers not counted.</summary>
    public long ModelBytesBefore => OtherBytesBefore + Layers.Sum(l => l.BytesBefore);

    /// <summary>Bytes of all tensors as they will be written; with adapters, the model's and theirs.</summary>
    public long ModelBytes => IsAdapter ? ModelBytesBefore + Bytes : OtherBytes + Layers.Sum(l => l.Bytes);

    /// <summary>Layers that become pairs, or get an adapter.</summary>
    public int FactorizedLayers => Layers.Count(l => l.Rank is not null);

    /// <summary>Layers that stay as they are.</summary>
    public int KeptLayers => Layers.Count - FactorizedLayers;

    /// <summary>
    /// Predicted error of all chosen layers together in the plan's weighting: the root of sum w_i ||W_i - W'_i||^2 over
    /// sum w_i ||W_i||^2. Null where a layer's error is not known.
    /// </summary>
    public double? RelativeError
    {
        get
        {
            double lost = 0, all = 0;
            foreach (LayerPlan layer in Chosen.Where(l => l.TiedTo is null))
            {
                if (layer.RelativeError is not { } error || layer.Norm is not { } norm || layer.Weight is not { } weight)
                    return null;
                lost += weight * error * error * norm * norm;
                all += weight * norm * norm;
            }
            return all == 0 ? 0 : Math.Sqrt(lost / all);
        }
    }

    /// <summary>
    /// Predicted error of all factorized layers together, whatever the plan's weighting: the root of sum ||W_i - W'_i||^2 over
    /// sum ||W_i||^2, what <see cref="FactorizationResult.RelativeError"/> will be. Null where a layer's error is not known, and for calibrated
    /// plans, whose errors are those on the inputs.
    /// </summary>
    public double? NormError
    {
        get
        {
            double lost = 0, all = 0;
            foreach (LayerPlan layer in Layers.Where(l => l.Rank is not null && l.TiedTo is null))
            {
                if (Spectrum == SpectrumOrigin.Calibration || layer.RelativeError is not { } error || layer.Norm is not { } norm)
                    return null;
                lost += error * error * norm * norm;
                all += norm * norm;
            }
            return all == 0 ? 0 : Math.Sqrt(lost / all);
        }
    }

    /// <summary>Times that the chosen layers together were faster at the ranks planned, by times measured on this machine; null for other rules, and once ranks were edited.</summary>
    public double? Speedup => IsEdited ? null : Proof.Speedup;

    /// <summary>The model and the rule.</summary>
    public override string ToString() => $"{Name}: {Rule}";

    private IEnumerable<LayerPlan> Chosen => Layers.Where(l => l.IsChosen);
}

/// <summary>What is known of how good planned ranks are.</summary>
/// <param name="LowerBound">Least relative error at no more cost; null where the rule minimises none.</param>
/// <param name="IsOptimal">Whether no better ranks are allowed.</param>
/// <param name="Speedup">Dense over planned time, as measured; null where none was.</param>
internal sealed record PlanProof(double? LowerBound, bool IsOptimal, double? Speedup = null);
