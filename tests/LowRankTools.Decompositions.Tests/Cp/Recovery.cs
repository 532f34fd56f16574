using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tests;

/// <summary>How far found components are from planted ones, whatever their order, scales and signs.</summary>
internal static class Recovery
{
    /// <summary>The largest distance between a planted column and the found one of its component, both of length 1.</summary>
    public static double Worst(List<Matrix<double>> planted, CpTensor found)
    {
        int rank = planted[0].Columns;
        HashSet<int> taken = [];
        double worst = 0;
        for (int r = 0; r < rank; r++)
        {
            (int match, double distance) = Enumerable.Range(0, rank).Where(k => !taken.Contains(k)).Select(k => (k, Distance(planted, r, found, k))).MinBy(pair => pair.Item2);
            taken.Add(match);
            worst = Math.Max(worst, distance);
        }
        return worst;
    }

    /// <summary>A column of a factor.</summary>
    public static double[] Column(Tensor factor, int column) => [.. Enumerable.Range(0, factor.Shape[0]).Select(i => factor.Values[(i * factor.Shape[1]) + column])];

    private static double Distance(List<Matrix<double>> planted, int r, CpTensor found, int k) => Enumerable.Range(0, planted.Count).Max(n =>
    {
        double[] x = [.. Enumerable.Range(0, planted[n].Rows).Select(i => planted[n][i, r])], y = Column(found.Matrices[n], k);
        double length = Math.Sqrt(x.Sum(v => v * v)), sign = Math.Sign(x.Zip(y, (a, b) => a * b).Sum());
        return Math.Sqrt(x.Zip(y, (a, b) => ((a / length) - (sign * b)) * ((a / length) - (sign * b))).Sum());
    });
}
