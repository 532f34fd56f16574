using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Plans;
using LowRankTools.Decompositions.Convolutions;
using LowRankTools.Decompositions.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning;

/// <summary>
/// Puts a plan to a model: checks that it is the one that was planned for, and that every rank makes sense there. Of the
/// plan only names and ranks count; all figures are made anew from the model.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="anyModel">Whether another model will do, as long as it has the planned layers.</param>
internal sealed class ReplayPlan(RankPlan plan, bool anyModel)
{
    /// <summary>The plan as it applies to a model.</summary>
    /// <exception cref="LowRankToolsException"><c>PlanModelMismatch</c>, <c>PlanInvalid</c>, <c>LayerNotFound</c>, <c>RankExceedsLayer</c>.</exception>
    public RankPlan On(Model model, StoredAs stored, CancellationToken cancellationToken)
    {
        string path = model.Source.Path;
        if (plan.IsAdapter)
            throw new LowRankToolsException(CoreErrors.PlanInvalid, $"The plan of '{plan.Name}' is one of adapters: it leaves the weights as they are.", "Plan without -Adapter.");
        model.TakeAsTransposed(name => plan.Layers.Any(l => l.IsTransposed && l.Name == name));
        string fingerprint = ModelFingerprint.Compute(model.File, cancellationToken);
        if (!anyModel && fingerprint != plan.Fingerprint)
        {
            throw new LowRankToolsException(CoreErrors.PlanModelMismatch, $"{path}: the plan was made for {(plan.Fingerprint is null ? "bare shapes" : $"another model, '{plan.Name}'")}.",
                "Plan this model, or take the ranks over as they are with -AnyModel.");
        }
        Dictionary<string, LayerPlan> wanted = plan.Layers.ToDictionary(l => l.Name, StringComparer.Ordinal);
        List<PlanCandidate> candidates = new PlanCandidates(model, stored, new LayerSelection { Names = Pairs(wanted), IncludeConvolution = true }, new LayerOverrides([])).Build();
        Dictionary<string, PlanCandidate> byName = candidates.ToDictionary(c => c.Name, StringComparer.Ordinal);
        foreach (LayerPlan pair in plan.Layers.Where(l => l.Rank is not null))
            Check(pair, byName.GetValueOrDefault(pair.Name), 1 + plan.Layers.Count(l => l.Basis is not null && l.Basis == (pair.Basis ?? pair.Name)), path);
        Dictionary<PlanCandidate, LayerPlan> plans = [];
        foreach (BasisGroup group in Groups(byName, path))
        {
            foreach (PlanCandidate member in group.Members)
                plans.Add(member, member.Decide(wanted[group.Whole.Name].Rank, wanted[group.Whole.Name].Reason, plans.GetValueOrDefault(group.Members[0]), withErrors: false, group: group));
        }
        foreach (PlanCandidate candidate in candidates.Where(c => !plans.ContainsKey(c)))
        {
            LayerPlan? leader = candidate.Leader is null ? null : plans[candidate.Leader];
            LayerPlan? given = wanted.GetValueOrDefault(candidate.Name);
            if (given?.Choice is { } choice && candidate.Cost.IsMade(choice))
                candidate.Taken = new LayerOption(choice, 0, null);
            plans.Add(candidate, candidate.Decide(leader is null ? given?.Rank : leader.Rank, given?.Reason ?? candidate.Reason, leader, withErrors: false,
                leader?.Quantization ?? stored.Quantize ?? given?.Quantization));
        }
        OtherTensors others = OtherTensors.Of(model, stored);
        return new RankPlan
        {
            Path = path,
            Name = model.Source.Name,
            Fingerprint = fingerprint,
            Rule = plan.IsEdited ? plan.Rule + ", edited" : plan.Rule,
            Weighting = plan.Weighting,
            Spectrum = plan.Spectrum,
            Measurement = plan.IsEdited ? null : plan.Measurement,
            IsAdapter = false,
            MinRank = plan.MinRank,
            Multiple = plan.Multiple,
            DType = stored.DType?.ToString(),
            OtherParameters = others.Parameters,
            OtherBytesBefore = others.BytesBefore,
            OtherBytes = others.Bytes,
            Layers = candidates.Select(c => plans[c]).ToList().AsReadOnly(),
        };
    }

    /// <summary>The layers that share bases in the model, those of the plan that have ranks.</summary>
    private List<BasisGroup> Groups(Dictionary<string, PlanCandidate> candidates, string path)
    {
        List<BasisGroup> groups = [];
        foreach (IGrouping<string, LayerPlan> sharing in plan.Layers.Where(l => l.Rank is not null && l.Basis is not null).GroupBy(l => l.Basis!, StringComparer.Ordinal))
        {
            PlanCandidate[] members = [candidates[sharing.Key], .. sharing.Select(l => candidates[l.Name])];
            if (!members.All(BasisGroups.MayShare) || !members.All(m => BasisGroups.Fits(members[0], m)) || members.Any(m => candidates.Values.Any(c => c.Leader == m)))
                throw new LowRankToolsException(CoreErrors.PlanInvalid, $"{path}: '{sharing.Key}' and the layers that use its basis in the plan are of different shapes or types here, or are tied.", "Plan this model.");
            groups.Add(new BasisGroup(members));
        }
        return groups;
    }

    private static HashSet<string> Pairs(Dictionary<string, LayerPlan> wanted) =>
        wanted.Values.Where(l => l.Rank is not null).Select(l => l.Name).ToHashSet(StringComparer.Ordinal);

    private static void Check(LayerPlan pair, PlanCandidate? candidate, int sharedBy, string path)
    {
        if (candidate is null)
            throw new LowRankToolsException(CoreErrors.LayerNotFound, $"{path}: there is no layer '{pair.Name}', which the plan gives a rank.", "Plan this model.");
        if (candidate.Reason != KeepReason.None)
            throw new LowRankToolsException(CoreErrors.PlanInvalid, $"{path}: '{pair.Name}' cannot be a pair ({candidate.Reason}), and the plan gives it a rank.", "Set the rank of that layer to null.");
        if (candidate.Cost.IsMade(pair.Choice))
        {
            Made(pair, candidate, path);
            return;
        }
        (long rows, long columns) = candidate.Cost.Size;
        long most = Math.Min(sharedBy * rows, columns);
        if (pair.Rank < 1 || pair.Rank > most)
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"{path}: '{pair.Name}' is {rows} x {columns} and has no rank {pair.Rank}.", $"Its ranks go up to {most}.");
    }

    private static void Made(LayerPlan layer, PlanCandidate candidate, string path)
    {
        LayerMethod method = LayerMethods.Find(layer.Choice!.Method);
        if (candidate.Cost.Weight is not { } weight || !method.Takes(weight) || method is TransposedConvolution != candidate.Cost.IsTransposed)
            throw new LowRankToolsException(CoreErrors.PlanInvalid, $"{path}: '{layer.Name}' is no weight that {method.Name} is for, and the plan wants it so.", "Plan this model.");
        IReadOnlyList<int> most = method.MostRanks(weight), ranks = layer.Choice.Numbers;
        if (ranks.Count != most.Count || ranks.Where((r, i) => r < 1 || r > most[i]).Any())
            throw new LowRankToolsException(CoreErrors.RankExceedsLayer, $"{path}: '{layer.Name}' of ({string.Join(" x ", weight)}) has no chain {layer.Choice}.", $"Its ranks go up to {string.Join(" x ", most)}.");
    }
}
