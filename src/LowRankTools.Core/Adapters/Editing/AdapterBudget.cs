using LowRankTools.Core.Layers;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Shares parameters out among the modules of an adapter so that the error of all together is the least.</summary>
internal static class AdapterBudget
{
    /// <summary>A rank for each module.</summary>
    /// <param name="modules">Rows, columns and singular values, descending, of each difference; empty values for one of zeros, which gets rank 0.</param>
    /// <param name="parameters">Most that all factors together may have.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="LowRankToolsException"><c>BudgetTooSmall</c>: rank 1 everywhere needs more.</exception>
    public static int[] Share(IReadOnlyList<(int Rows, int Columns, double[] Values)> modules, long parameters, CancellationToken cancellationToken)
    {
        List<int> changed = [.. Enumerable.Range(0, modules.Count).Where(i => Components(modules[i].Values) > 0)];
        RankChoices[] choices = [.. changed.Select(i => Choices(modules[i]))];
        RankSolution solution = RankSolver.Solve(choices, parameters, cancellationToken);
        int[] ranks = new int[modules.Count];
        for (int k = 0; k < changed.Count; k++)
            ranks[changed[k]] = choices[k].Rank(solution.Choices[k])!.Value;
        return ranks;
    }

    private static RankChoices Choices((int Rows, int Columns, double[] Values) module)
    {
        int[] ranks = [.. Enumerable.Range(1, Components(module.Values))];
        return RankChoices.Listed([.. ranks.Select(r => (int?)r)], [.. ranks.Select(r => RankBounds.PairParameters(module.Rows, module.Columns, r))], [.. ranks.Select(r => SpectrumMeasures.Tail(module.Values, r))]);
    }

    // What rounding left in place of zeros is no component, and each one counted must lower the loss that is left.
    private static int Components(double[] values)
    {
        int count = values.TakeWhile(v => v > values[0] * 1e-7 && v > 0).Count();
        while (count > 1 && SpectrumMeasures.Tail(values, count - 1) <= SpectrumMeasures.Tail(values, count))
            count--;
        return count;
    }
}
