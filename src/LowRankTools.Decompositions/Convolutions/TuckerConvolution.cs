using LowRankTools.Decompositions.Tensors;
using LowRankTools.Decompositions.Tucker;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// A 1 x 1 convolution into r1 channels, the kernel's places from these into r0, and a 1 x 1 one out of them: Tucker-2, the kernel reduced along
/// outputs (r0) and channels (r1) (Kim, Park, Yoo, Choi, Yang, Shin, "Compression of deep convolutional neural networks", 2016), by ST-HOSVD
/// and HOOI. A side whose rank is its size is not reduced and has no stage of its own.
/// </summary>
public sealed class TuckerConvolution : ConvolutionMethod
{
    private static readonly TuckerMethod s_tucker = new();

    /// <inheritdoc/>
    public override string Name => "Tucker";

    /// <inheritdoc/>
    public override string Description => "Tucker-2, ranks of outputs and of channels: 1 x 1 into few channels, k x k between few, 1 x 1 out of them.";

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(KernelShape kernel) => [kernel.Outputs, kernel.Channels];

    /// <summary>
    /// One share c of both sides: with r0 = c O and r1 = c I the chain has c^2 O I k k + c (O^2 + I^2) parameters; c solves that for the number
    /// allowed (the fractional rank of partial Tucker decompositions, as TensorLy's <c>validate_tucker_rank</c> with fixed modes has it), ranks are
    /// rounded down, and what that leaves is used up one by one, the relatively smaller rank first.
    /// </summary>
    /// <inheritdoc/>
    public override IReadOnlyList<int> RanksWithin(KernelShape kernel, double parameters)
    {
        double o = kernel.Outputs, i = kernel.Channels, a = o * i * kernel.Height * kernel.Width, b = (o * o) + (i * i);
        double share = (-b + Math.Sqrt((b * b) + (4 * a * parameters))) / (2 * a);
        int places = kernel.Height * kernel.Width;
        int[] ranks = [Math.Clamp((int)(share * o), 1, kernel.Outputs), Math.Clamp((int)(share * i), 1, kernel.Channels)];
        ranks = [Math.Min(ranks[0], ranks[1] * places), Math.Min(ranks[1], ranks[0] * places)];
        while (Grown(kernel, ranks, parameters) is { } more)
            ranks = more;
        return ranks;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int>? RanksFor(Tensor weight, double tolerance, ComputeOptions options, CancellationToken ct = default)
    {
        RequireFinite(weight);
        KernelShape shape = ShapeOf(weight);
        // The start alone decides the ranks; sweeps make the error smaller at these.
        using Decomposition tucker = s_tucker.Decompose(weight, new DecompositionOptions { Tolerance = tolerance, Modes = [0, 1], MaxIterations = 0, Compute = options }, null, ct);
        int[] ranks = [tucker.Ranks[0], tucker.Ranks[1]];
        return Parameters(shape, ranks) < shape.Length ? ranks : null;
    }

    private protected override IReadOnlyList<ConvolutionStage> Chain(KernelShape kernel, IReadOnlyList<int> ranks)
    {
        List<ConvolutionStage> stages = [new(ranks[0], ranks[1], kernel.Height, kernel.Width, TakesHeight: true, TakesWidth: true)];
        if (ranks[1] < kernel.Channels)
            stages.Insert(0, new(ranks[1], kernel.Channels, 1, 1, TakesHeight: false, TakesWidth: false));
        if (ranks[0] < kernel.Outputs)
            stages.Add(new(kernel.Outputs, ranks[0], 1, 1, TakesHeight: false, TakesWidth: false));
        return stages;
    }

    private protected override IReadOnlyList<Tensor> Kernels(Tensor kernel, IReadOnlyList<int> ranks, IReadOnlyList<ConvolutionStage> stages, ComputeOptions options, IProgress<double>? progress, CancellationToken ct)
    {
        using TuckerTensor tucker = (TuckerTensor)s_tucker.Decompose(kernel, new DecompositionOptions { Ranks = ranks, Modes = [0, 1], Compute = options }, progress, ct);
        List<Tensor> kernels = [Padded(tucker.Core.Matricize(2), tucker.Core.Shape[1], ranks[0], ranks[1], kernel.Shape[2], kernel.Shape[3])];
        if (tucker.Factor(1) is { } channels)
            kernels.Insert(0, Padded(channels.Matricize(1).Transpose(), channels.Shape[1], 1, ranks[1], channels.Shape[0], 1));
        if (tucker.Factor(0) is { } outputs)
            kernels.Add(Padded(outputs.Matricize(2), outputs.Shape[1], outputs.Shape[0], ranks[0], 1, 1));
        return [.. kernels.Select((k, i) => Reshaped(k, stages[i].Plane))];
    }

    // A kernel of fewer independent slices than the rank has fewer vectors too; zeros stand for the others.
    private static Tensor Padded(MatrixView<double> rows, int have, int outer, int rank, int inner, int last)
    {
        Tensor padded = new(outer, rank, inner, last);
        int blocks = rows.Rows / have;
        for (int b = 0; b < blocks; b++)
            rows.Slice(b * have, 0, have, rows.Columns).CopyTo(padded.AsMatrix(outer * rank, inner * last).Slice(b * rank, 0, have, rows.Columns));
        return padded;
    }

    private int[]? Grown(KernelShape kernel, int[] ranks, double parameters)
    {
        // No side has more independent slices than the other side and the places together.
        int places = kernel.Height * kernel.Width;
        int[][] steps = [[ranks[0] + 1, ranks[1]], [ranks[0], ranks[1] + 1]];
        if ((double)ranks[1] / kernel.Channels < (double)ranks[0] / kernel.Outputs)
            Array.Reverse(steps);
        return Array.Find(steps, r => r[0] <= kernel.Outputs && r[1] <= kernel.Channels && r[0] <= (long)r[1] * places && r[1] <= (long)r[0] * places && Parameters(kernel, r) <= parameters * (1 + 1e-12));
    }
}
