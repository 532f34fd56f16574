using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tests;

public sealed class UnfoldingTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void An_entry_stands_in_the_row_of_its_mode_and_the_column_of_the_others(int mode)
    {
        int[] shape = [3, 4, 2, 5];
        using Tensor tensor = TestTensors.Gaussian(1, shape);
        using Matrix<double> unfolded = Unfolding.Of(tensor, mode);
        Assert.Equal((shape[mode], tensor.Length / shape[mode]), (unfolded.Rows, unfolded.Columns));
        foreach (int[] index in TestTensors.Indices(shape))
        {
            int column = 0;
            for (int k = 0; k < 4; k++)
                column = k == mode ? column : (column * shape[k]) + index[k];
            Assert.Equal(TestTensors.At(tensor, index), unfolded[index[mode], column]);
        }
    }

    [Theory]
    [InlineData(0, new[] { 7 })]
    [InlineData(1, new[] { 3, 1, 2 })]
    [InlineData(2, new[] { 2, 3, 4 })]
    [InlineData(1, new[] { 2, 0, 4 })]
    public void Folding_undoes_unfolding(int mode, int[] shape)
    {
        using Tensor tensor = TestTensors.Gaussian(2, shape);
        using Matrix<double> unfolded = Unfolding.Of(tensor, mode);
        using Tensor folded = Unfolding.Fold(unfolded.View, mode, shape);
        Assert.Equal(tensor.Values.ToArray(), folded.Values.ToArray());
    }

    [Fact]
    public void A_matrix_of_another_shape_is_no_unfolding()
    {
        using Matrix<double> matrix = new(3, 8);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Unfolding.Fold(matrix.View, 0, 4, 6)).ErrorId);
    }

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 2, -1 })]
    [InlineData(new[] { 65536, 65536 })]
    public void Shapes_that_no_tensor_has_are_refused(int[] shape) =>
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new Tensor(shape)).ErrorId);
}
