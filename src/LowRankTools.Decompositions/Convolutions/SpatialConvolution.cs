using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// A convolution over lines into r channels and one over columns out of them: K(o, i, y, x) = sum over r of H(o, r, x) V(r, i, y), the
/// truncated singular value decomposition of the kernel as (outputs width) x (channels height) (Jaderberg, Vedaldi, Zisserman, "Speeding up
/// convolutional neural networks with low rank expansions", 2014, scheme 2; Tai, Xiao, Zhang, Wang, E, 2016).
/// </summary>
public sealed class SpatialConvolution : MatrixConvolution
{
    /// <inheritdoc/>
    public override string Name => "SpatialSvd";

    /// <inheritdoc/>
    public override string Description => "The kernel as (outputs width) x (channels height): a k x 1 convolution into r channels, then 1 x k.";

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(KernelShape kernel) => [(int)Math.Min((long)kernel.Outputs * kernel.Width, (long)kernel.Channels * kernel.Height)];

    private protected override IReadOnlyList<ConvolutionStage> Chain(KernelShape kernel, IReadOnlyList<int> ranks) =>
    [
        new(ranks[0], kernel.Channels, kernel.Height, 1, TakesHeight: true, TakesWidth: false),
        new(kernel.Outputs, ranks[0], 1, kernel.Width, TakesHeight: false, TakesWidth: true),
    ];

    private protected override Tensor AsMatrix(Tensor kernel) =>
        TensorTranspose.Of(kernel, kernel.Shape, [0, 3, 1, 2], [kernel.Shape[0] * kernel.Shape[3], kernel.Shape[1] * kernel.Shape[2]]);

    private protected override IReadOnlyList<Tensor> Stages(Matrix<double> left, Matrix<double> right, KernelShape kernel)
    {
        // Rows of the left factor are the r, columns (output, x): the kernel is output, r, 1, x.
        using Tensor rows = Tensor.From(left.View, left.Rows, kernel.Outputs, kernel.Width);
        return
        [
            Tensor.From(right.View, right.Rows, kernel.Channels, kernel.Height, 1),
            TensorTranspose.Of(rows, rows.Shape, [1, 0, 2], [kernel.Outputs, left.Rows, 1, kernel.Width]),
        ];
    }
}
