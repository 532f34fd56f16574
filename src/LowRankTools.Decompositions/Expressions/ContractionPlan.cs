using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Expressions;

/// <summary>
/// The order of pairwise contractions of several tensors that multiplies least, by dynamic programming over subsets (Pfeifer, Haegeman, Verstraete,
/// "Faster identification of optimal contraction sequences", 2014, without its pruning: there are few factors).
/// </summary>
internal sealed class ContractionPlan
{
    private readonly string[] _modes;
    private readonly string _output;
    private readonly Dictionary<int, (int Left, int Right)> _splits = [];

    private ContractionPlan(string[] modes, string output) => (_modes, _output) = (modes, output);

    /// <summary>Multiplications of the plan.</summary>
    public double Cost { get; private set; }

    /// <summary>Finds the cheapest order.</summary>
    /// <param name="modes">Letters of each tensor's modes.</param>
    /// <param name="output">Letters of the result.</param>
    /// <param name="size">Size of a letter.</param>
    public static ContractionPlan Of(IReadOnlyList<string> modes, string output, Func<char, int> size)
    {
        ContractionPlan plan = new([.. modes], output);
        int all = (1 << modes.Count) - 1;
        Dictionary<int, double> costs = [];
        for (int k = 0; k < modes.Count; k++)
            costs[1 << k] = 0;
        for (int set = 1; set <= all; set++)
        {
            if (int.PopCount(set) < 2)
                continue;
            costs[set] = double.PositiveInfinity;
            for (int left = (set - 1) & set; left > 0; left = (left - 1) & set)
            {
                int right = set & ~left;
                if (left < right)
                    continue;
                double cost = costs[left] + costs[right] + plan.Kept(left).Union(plan.Kept(right)).Aggregate(1.0, (product, c) => product * size(c));
                if (cost < costs[set])
                {
                    costs[set] = cost;
                    plan._splits[set] = (left, right);
                }
            }
        }
        plan.Cost = costs[all];
        return plan;
    }

    /// <summary>Contracts tensors of the planned letters and sizes.</summary>
    public Tensor Run(IReadOnlyList<Tensor> tensors, ComputeOptions options, CancellationToken ct)
    {
        int all = (1 << _modes.Length) - 1;
        return _modes.Length == 1 ? Contraction.Of(tensors[0], _modes[0], _output) : Run(all);

        Tensor Run(int set)
        {
            (int left, int right) = _splits[set];
            Tensor x = Part(left), y = Part(right);
            try
            {
                return Contraction.Of(x, Letters(left), y, Letters(right), set == all ? _output : Kept(set), options, ct);
            }
            finally
            {
                if (int.PopCount(left) > 1)
                    x.Dispose();
                if (int.PopCount(right) > 1)
                    y.Dispose();
            }
        }

        Tensor Part(int set) => int.PopCount(set) == 1 ? tensors[int.TrailingZeroCount(set)] : Run(set);

        string Letters(int set) => int.PopCount(set) == 1 ? _modes[int.TrailingZeroCount(set)] : Kept(set);
    }

    // Letters of a set's product that something outside it still needs.
    private string Kept(int set)
    {
        IEnumerable<char> inside = Enumerable.Range(0, _modes.Length).Where(k => (set >> k & 1) == 1).SelectMany(k => _modes[k]).Distinct();
        HashSet<char> needed = [.. _output, .. Enumerable.Range(0, _modes.Length).Where(k => (set >> k & 1) == 0).SelectMany(k => _modes[k])];
        return string.Concat(int.PopCount(set) == 1 ? inside : inside.Where(needed.Contains));
    }
}
