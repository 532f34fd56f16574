using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// A 1 x 1 convolution into r channels, each of them convolved by itself over lines and then over columns, and a 1 x 1 one out of them: a
/// canonical polyadic decomposition of the kernel (Lebedev, Ganin, Rakhuba, Oseledets, Lempitsky, "Speeding-up convolutional neural networks
/// using fine-tuned CP-decomposition", 2015), by alternating least squares. A side of size 1 has no stage.
/// </summary>
public sealed class CpConvolution : ConvolutionMethod
{
    // The first sweeps do nearly all that there is to do; a plan tries many ranks of many kernels.
    private const int Sweeps = 60;
    private const double Rest = 1e-4;

    // The order in which a chain applies the sides: channels, lines, columns, outputs.
    private static readonly int[] s_applied = [1, 2, 3, 0];

    private static readonly CpMethod s_cp = new();

    /// <inheritdoc/>
    public override string Name => "Cp";

    /// <inheritdoc/>
    public override string Description => "A sum of r outer products: 1 x 1 into r channels, k x 1 and 1 x k on each by itself, 1 x 1 out of them.";

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(KernelShape kernel)
    {
        // No rank beyond that of the exact decomposition by slices: the product of the sizes over the largest one.
        long largest = Math.Max(Math.Max(kernel.Outputs, kernel.Channels), Math.Max(kernel.Height, kernel.Width));
        return [(int)Math.Min(int.MaxValue, kernel.Length / largest)];
    }

    /// <summary>Tries ranks: the error falls with the rank, up to what a local minimum is off.</summary>
    /// <inheritdoc/>
    public override IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(weight);
        KernelShape shape = ShapeOf(weight);
        int low = 0, high = RanksWithin(shape, shape.Length - 1)[0];
        if (Parameters(shape, [high]) >= shape.Length || Error(high) > tolerance)
            return null;
        while (high - low > Math.Max(1, high / 32))
        {
            int middle = low + ((high - low) / 2);
            if (Error(middle) <= tolerance)
                high = middle;
            else
                low = middle;
        }
        return [high];

        double Error(int rank)
        {
            using ConvolutionChain chain = Decompose(weight, [rank], options, null, ct);
            return chain.ErrorAgainst(weight, options, ct);
        }
    }

    private protected override IReadOnlyList<ConvolutionStage> Chain(KernelShape kernel, IReadOnlyList<int> ranks)
    {
        int rank = ranks[0];
        List<ConvolutionStage> stages = [new(rank, kernel.Channels, 1, 1, TakesHeight: kernel.Height == 1, TakesWidth: kernel.Width == 1)];
        if (kernel.Height > 1)
            stages.Add(new(rank, rank, kernel.Height, 1, TakesHeight: true, TakesWidth: false, IsDepthwise: true));
        if (kernel.Width > 1)
            stages.Add(new(rank, rank, 1, kernel.Width, TakesHeight: false, TakesWidth: true, IsDepthwise: true));
        stages.Add(new(kernel.Outputs, rank, 1, 1, TakesHeight: false, TakesWidth: false));
        return stages;
    }

    private protected override IReadOnlyList<Tensor> Kernels(Tensor kernel, IReadOnlyList<int> ranks, IReadOnlyList<ConvolutionStage> stages, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        int[] sides = [.. Enumerable.Range(0, 4).Where(n => n < 2 || kernel.Shape[n] > 1)];
        using Tensor squeezed = kernel.Copy([.. sides.Select(n => kernel.Shape[n])]);
        using CpTensor cp = (CpTensor)s_cp.Decompose(squeezed, new DecompositionOptions { Ranks = ranks, MaxIterations = Sweeps, Rest = Rest, Compute = options }, progress, ct);
        // The weights in equal shares to all stages, so that no kernel is out of proportion in a short type.
        double[] shares = [.. cp.Weights.Values.ToArray().Select(w => Math.Pow(w, 1.0 / sides.Length))];
        List<Tensor> kernels = [];
        foreach (int n in s_applied.Where(sides.Contains))
        {
            Tensor matrix = cp.Matrices[Array.IndexOf(sides, n)];
            using Tensor scaled = matrix.Copy();
            for (int i = 0; i < scaled.Length; i++)
                scaled.Values[i] *= shares[i % shares.Length];
            MatrixView<double> rows = n == 0 ? scaled.Matricize(1) : scaled.Matricize(1).Transpose();
            kernels.Add(Tensor.From(rows, stages[kernels.Count].Plane));
        }
        return kernels;
    }
}
