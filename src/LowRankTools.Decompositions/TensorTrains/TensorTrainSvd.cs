using LowRankTools.Decompositions.Subspaces;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.TensorTrains;

/// <summary>
/// TT-SVD (Oseledets, 2011, algorithm 1): one truncated decomposition after the other, each of what the last one left. The squared errors of
/// the steps add up to that of the whole, so a share of (tolerance ||X||)^2 / (d - 1) each keeps the promise; what a step does not use of
/// its share, those after it may.
/// </summary>
internal static class TensorTrainSvd
{
    // Below this share of ||X||^2 the sum of the steps' errors is rounding, and the entries are compared instead.
    private const double Fine = 1e-9;

    public static TensorTrain Decompose(Tensor tensor, double? tolerance, int[] most, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        double norm = tensor.SquaredNorm();
        ErrorBudget budget = new(tolerance, norm, tensor.Order - 1);
        List<Tensor> cores = [];
        try
        {
            Matrix<double>? rest = null;
            for (int k = 0; k < tensor.Order - 1; k++)
            {
                int left = k == 0 ? 1 : cores[^1].Shape[2], size = tensor.Shape[k], rows = checked(left * size);
                MatrixView<double> unfolded = rest is null ? tensor.Matricize(1) : rest.As(rows, (int)(rest.Length / rows));
                using LeadingSubspace step = LeadingSubspace.Of(unfolded, budget.Share, most[k], options, ct);
                rest?.Dispose();
                budget.Spend(step.SquaredError);
                cores.Add(Tensor.From(step.Basis.Transposed, left, size, step.Basis.Rows));
                rest = step.Coordinates.Copy();
                progress?.Report((k + 1.0) / (tensor.Order - 1));
            }
            using (rest)
                cores.Add(Tensor.From(rest!.View, rest.Rows, tensor.Shape[^1], 1));
        }
        catch
        {
            cores.ForEach(c => c.Dispose());
            throw;
        }
        TensorTrain train = new(cores);
        train.RelativeError = budget.Spent < Fine * norm ? train.ErrorAgainst(tensor, options, ct) : budget.RelativeError;
        return train;
    }
}
