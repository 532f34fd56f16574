using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Convolutions;

/// <summary>
/// A convolution with the whole kernel's places into r channels, and a 1 x 1 one out of them: the truncated singular value decomposition of
/// the kernel as outputs x (channels height width) (Zhang, Zou, He, Sun, "Accelerating very deep convolutional networks", 2015, without its
/// fitting to responses). Of a 1 x 1 kernel it is the pair of a matrix.
/// </summary>
public sealed class PairConvolution : MatrixConvolution
{
    /// <inheritdoc/>
    public override string Name => "Svd";

    /// <inheritdoc/>
    public override string Description => "The kernel as outputs x (channels height width): a k x k convolution into r channels, then 1 x 1.";

    /// <inheritdoc/>
    public override bool Takes(KernelShape kernel) => true;

    /// <inheritdoc/>
    public override IReadOnlyList<int> MostRanks(KernelShape kernel) => [(int)Math.Min(kernel.Outputs, (long)kernel.Channels * kernel.Height * kernel.Width)];

    private protected override IReadOnlyList<ConvolutionStage> Chain(KernelShape kernel, IReadOnlyList<int> ranks) =>
    [
        new(ranks[0], kernel.Channels, kernel.Height, kernel.Width, TakesHeight: true, TakesWidth: true),
        new(kernel.Outputs, ranks[0], 1, 1, TakesHeight: false, TakesWidth: false),
    ];

    private protected override Tensor AsMatrix(Tensor kernel) => kernel.Copy(kernel.Shape[0], kernel.Length / kernel.Shape[0]);

    private protected override IReadOnlyList<Tensor> Stages(Matrix<double> left, Matrix<double> right, KernelShape kernel) =>
    [
        Tensor.From(right.View, right.Rows, kernel.Channels, kernel.Height, kernel.Width),
        Tensor.From(left.Transposed, kernel.Outputs, left.Rows, 1, 1),
    ];
}
