using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Factorizations;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Tests;

public sealed class BlockGramSchmidtTests
{
    private const int Rows = 300;
    private const int Known = 40;
    private const int Count = 16;

    // W = inside K C + outside X: from all outside to all inside the span of K, and nothing at all.
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1, 1e-2)]
    [InlineData(1, 1e-5)]
    [InlineData(1, 0)]
    [InlineData(0, 1e-30)]
    [InlineData(1e15, 1e15)]
    [InlineData(0, 0)]
    public void A_block_ends_orthonormal_to_itself_and_to_what_was_known(double inside, double outside)
    {
        using Matrix<float> basis = Basis(inside, outside);
        BlockGramSchmidt.Extend(new EmbeddedEngine(), Tensor(basis), Known, default);
        Assert.InRange(Residual.Orthogonality(basis.View), 0, 10);
    }

    [Fact]
    public void Columns_that_depend_on_one_another_end_orthonormal_too()
    {
        using Matrix<float> basis = Basis(1, 1);
        for (int i = 0; i < Rows; i++)
        {
            for (int j = Known + 2; j < Known + Count; j++) basis[i, j] = basis[i, Known] + (j * basis[i, Known + 1]);
        }

        BlockGramSchmidt.Extend(new EmbeddedEngine(), Tensor(basis), Known, default);
        Assert.InRange(Residual.Orthogonality(basis.View), 0, 10);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1e-2)]
    public void The_span_is_kept_and_what_lay_along_the_known_part_is_returned(double inside, double outside)
    {
        using Matrix<float> basis = Basis(inside, outside), before = basis.Copy(), along = new(Known, Count), rest = new(Known + Count, Count);
        double[] returned = BlockGramSchmidt.Extend(new EmbeddedEngine(), Tensor(basis), Known, default);

        MatrixView<float> block = before.View.Slice(0, Known, Rows, Count);
        Gemm.Multiply(1, before.View.Slice(0, 0, Rows, Known).Transpose(), block, 0, along.View);
        double worst = along.ToArray().Zip(returned, (x, y) => Math.Abs(x - y)).Max();
        Assert.InRange(worst, 0, 1e3 * Residual.SingleEpsilon);

        // W - (K W') (K W')^T W vanishes.
        double length = Math.Sqrt(Norms.FrobeniusSquared(block));
        Gemm.Multiply(1, basis.Transposed, block, 0, rest.View);
        Gemm.Multiply(-1, basis.View, rest.View, 1, block);
        Assert.InRange(Math.Sqrt(Norms.FrobeniusSquared(block)) / length, 0, 100 * Residual.SingleEpsilon);
    }

    private static ITensor Tensor(Matrix<float> matrix) => new EmbeddedEngine().Load(matrix.View);

    private static Matrix<float> Basis(double inside, double outside)
    {
        Matrix<float> basis = TestMatrices.Gaussian<float>(Rows, Known + Count, 31);
        RowOrthonormalizer.Orthonormalize(basis.View.Slice(0, 0, Rows, Known).Transpose(), 1, default);
        using Matrix<float> mixture = TestMatrices.Gaussian<float>(Known, Count, 32);
        Gemm.Multiply((float)inside, basis.View.Slice(0, 0, Rows, Known), mixture.View, (float)outside, basis.View.Slice(0, Known, Rows, Count));
        return basis;
    }
}
