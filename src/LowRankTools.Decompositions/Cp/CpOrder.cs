using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Cp;

/// <summary>Components come in any order and with any signs; one rule makes results comparable: by weight, and the entry of largest magnitude in
/// each column positive, but for the last mode's, which takes the sign that is left.</summary>
internal static class CpOrder
{
    public static CpTensor Ordered(string method, IReadOnlyList<int> shape, List<Matrix<double>> matrices, IReadOnlyList<double> errors, bool converged)
    {
        double[] lengths = CpFactors.Normalize(matrices[^1]);
        int rank = lengths.Length;
        int[] order = [.. Enumerable.Range(0, rank).OrderByDescending(r => lengths[r])];
        double[] signs = [.. Enumerable.Repeat(1.0, rank)];
        List<Tensor> factors = [];
        for (int n = 0; n < matrices.Count; n++)
        {
            Tensor factor = Tensor.From(matrices[n].View, matrices[n].Rows, rank);
            for (int k = 0; k < rank; k++)
            {
                double sign = n == matrices.Count - 1 ? signs[order[k]] : Sign(matrices[n], order[k]);
                signs[order[k]] *= sign;
                for (int i = 0; i < matrices[n].Rows; i++)
                    factor.Values[(i * rank) + k] = sign * matrices[n][i, order[k]];
            }
            factors.Add(factor);
        }
        Tensor weights = Tensor.From(order.Select(r => lengths[r]).ToArray(), rank);
        return new CpTensor(method, shape, weights, factors) { Errors = errors, Iterations = errors.Count, Converged = converged };
    }

    private static double Sign(Matrix<double> matrix, int column)
    {
        double largest = 0;
        for (int i = 0; i < matrix.Rows; i++)
        {
            if (Math.Abs(matrix[i, column]) > Math.Abs(largest))
                largest = matrix[i, column];
        }
        return largest < 0 ? -1 : 1;
    }
}
