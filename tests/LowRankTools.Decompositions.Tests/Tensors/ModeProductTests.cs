using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tests;

public sealed class ModeProductTests
{
    // The last ones take the ways of many small slices, of one product, and of large slices.
    public static TheoryData<int[], int> Cases => new()
    {
        { [4, 5, 6], 0 }, { [4, 5, 6], 1 }, { [4, 5, 6], 2 }, { [1, 1, 1], 1 }, { [40, 3, 3], 1 }, { [7, 30, 33], 1 }, { [3, 40, 2, 40], 2 }, { [5, 0, 3], 0 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_multiplies_the_unfolding(int[] shape, int mode)
    {
        using Tensor tensor = TestTensors.Gaussian(3, shape);
        using Matrix<double> u = TestTensors.GaussianMatrix(4, 6, shape[mode]), unfolded = Unfolding.Of(tensor, mode);
        using Matrix<double> expected = new(6, unfolded.Columns);
        Gemm.Multiply(1, u.View, unfolded.View, 0, expected.View);
        using Tensor product = ModeProduct.Multiply(tensor, mode, u.View);
        int[] after = [.. shape];
        after[mode] = 6;
        using Tensor folded = Unfolding.Fold(expected.View, mode, after);
        Assert.InRange(TestTensors.Distance(folded, product), 0, 1e-14);
    }

    [Fact]
    public void Products_along_different_modes_commute_and_a_transposed_view_is_as_good_as_a_copy()
    {
        using Tensor tensor = TestTensors.Gaussian(5, 4, 5, 6);
        using Matrix<double> u = TestTensors.GaussianMatrix(6, 5, 3), v = TestTensors.GaussianMatrix(7, 7, 6);
        using Tensor first = ModeProduct.Multiply(tensor, 1, u.Transposed), one = ModeProduct.Multiply(first, 2, v.View);
        using Tensor second = ModeProduct.Multiply(tensor, 2, v.View), other = ModeProduct.Multiply(second, 1, u.Transposed);
        Assert.InRange(TestTensors.Distance(one, other), 0, 1e-14);
    }

    [Fact]
    public void A_matrix_of_other_columns_is_refused()
    {
        using Tensor tensor = new(2, 3);
        using Matrix<double> u = new(2, 4);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => ModeProduct.Multiply(tensor, 1, u.View)).ErrorId);
    }
}
