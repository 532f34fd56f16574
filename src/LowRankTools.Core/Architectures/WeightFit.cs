using LowRankTools.Core.Models;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Architectures;

/// <summary>Whether a model's tensors are those that its network has, name by name and size by size.</summary>
internal static class WeightFit
{
    private const int NamesShown = 3;

    /// <summary>Fails with everything that does not fit in one error.</summary>
    /// <exception cref="LowRankToolsException"><c>WeightsDoNotFit</c>.</exception>
    public static void Require(ModelSource source, Module network, ModelWeights weights)
    {
        List<string> missing = [], differing = [];
        HashSet<string> known = new(StringComparer.Ordinal);
        foreach (IGrouping<Parameter, NamedParameter> names in network.StateDict().GroupBy(p => p.Parameter))
        {
            known.UnionWith(names.Select(n => n.Name));
            List<NamedParameter> there = [.. names.Where(n => weights.ShapeOf(n.Name) is not null)];
            if (there.Count == 0)
                missing.Add(names.First().Name);
            differing.AddRange(there.Where(n => !weights.ShapeOf(n.Name)!.SequenceEqual(n.Parameter.Shape))
                .Select(n => $"'{n.Name}' is {Text(weights.ShapeOf(n.Name)!)} and not {Text(n.Parameter.Shape)}"));
        }
        List<string> unexpected = [.. weights.Names.Where(n => !known.Contains(n))];
        if (missing.Count + differing.Count + unexpected.Count == 0)
            return;
        List<string> problems = [];
        Add(problems, missing, "missing: ", quoted: true);
        Add(problems, unexpected, "unexpected: ", quoted: true);
        Add(problems, differing, "of other sizes: ", quoted: false);
        throw new LowRankToolsException(CoreErrors.WeightsDoNotFit,
            $"{source.Path}: the weights are not those of the configuration; {string.Join("; ", problems)}.", "Take the config.json that belongs to them.");
    }

    private static void Add(List<string> problems, List<string> names, string what, bool quoted)
    {
        if (names.Count == 0)
            return;
        string shown = string.Join(", ", names.Take(NamesShown).Select(n => quoted ? $"'{n}'" : n));
        problems.Add($"{what}{shown}{(names.Count > NamesShown ? $" and {names.Count - NamesShown} more" : "")}");
    }

    private static string Text(IReadOnlyList<int> shape) => $"({string.Join(" x ", shape)})";
}
