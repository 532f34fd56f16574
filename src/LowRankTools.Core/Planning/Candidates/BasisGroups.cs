using System.Globalization;
using System.Text.RegularExpressions;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;

namespace LowRankTools.Core.Planning.Candidates;

/// <summary>Finds the layers that may share a basis: names that are equal but for one number, which counts on, and one kind, shape, orientation and type.</summary>
internal static partial class BasisGroups
{
    private const int MostDigits = 10;

    /// <summary>Groups of at most a size; what finds no partner is in none.</summary>
    /// <param name="candidates">Candidates in the order of the file.</param>
    /// <param name="size">Most layers of a group, at least 2.</param>
    /// <param name="exclude">Patterns of layers that are in none.</param>
    public static List<BasisGroup> Of(IReadOnlyList<PlanCandidate> candidates, int size, IReadOnlyList<Predicate<string>> exclude)
    {
        HashSet<PlanCandidate> leaders = [.. candidates.Where(c => c.Leader is not null).Select(c => c.Leader!)];
        Dictionary<string, PlanCandidate> free = candidates.Where(c => MayShare(c) && !leaders.Contains(c) && !exclude.Any(p => LayerSelection.Matches(p, c.Name))).ToDictionary(c => c.Name, StringComparer.Ordinal);
        List<BasisGroup> groups = [];
        // Files order names as texts: 10 before 2. A group begins with its lowest number.
        foreach (PlanCandidate first in candidates.Where(c => free.ContainsKey(c.Name)).OrderBy(c => Number().Replace(c.Name, n => n.Value.PadLeft(MostDigits, '0')), StringComparer.Ordinal))
        {
            // It may have been taken meanwhile.
            if (free.ContainsKey(first.Name) && Partners(first, free, size) is { Count: > 1 } members)
            {
                groups.Add(new BasisGroup(members));
                members.ForEach(m => free.Remove(m.Name));
            }
        }
        return groups;
    }

    /// <summary>Whether a weight can be one of several that share a basis.</summary>
    public static bool MayShare(PlanCandidate candidate) => candidate is { IsOpen: true, Override: null, Options: null, Layer: not null }
        && candidate.Cost.Kernel is null && candidate.Cost.Kind is LayerKind.Linear or LayerKind.AttentionPacked;

    /// <summary>The layer and those whose name has the next numbers in one place: the first place where there are any.</summary>
    private static List<PlanCandidate> Partners(PlanCandidate first, Dictionary<string, PlanCandidate> free, int size)
    {
        foreach (Match number in Number().Matches(first.Name))
        {
            if (!int.TryParse(number.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int block) || block > int.MaxValue - size)
                continue;
            List<PlanCandidate> members = [first];
            while (members.Count < size
                && free.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{first.Name[..number.Index]}{block + members.Count}{first.Name[(number.Index + number.Length)..]}"), out PlanCandidate? next)
                && Fits(first, next))
                members.Add(next);
            if (members.Count > 1)
                return members;
        }
        return [first];
    }

    /// <summary>Whether two weights can stand below each other.</summary>
    public static bool Fits(PlanCandidate first, PlanCandidate next) => next.Shape == first.Shape && next.DType == first.DType && next.Cost.Kind == first.Cost.Kind
        && next.Layer!.Shape.Orientation == first.Layer!.Shape.Orientation;

    [GeneratedRegex(@"(?<=^|[._/])\d+(?=[._/]|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
