using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Tests;

public sealed class IndscalTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("Indscal");

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void Planted_factors_are_found(int rank)
    {
        using Tensor tensor = Slices.Indscal(rank, 30, 10, 0);
        using IndscalTensor indscal = (IndscalTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank] });
        Assert.InRange(indscal.RelativeError, 0, 1e-8);
        using Matrix<double> planted = Slices.Loadings(30, rank);
        Assert.InRange(Columns.Worst(planted, indscal.Loadings), 0, 1e-6);
    }

    [Fact]
    public void With_noise_the_error_is_that_of_the_noise_and_factors_restore()
    {
        using Tensor tensor = Slices.Indscal(4, 50, 8, 0.1);
        using Decomposition indscal = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4] });
        Assert.InRange(indscal.RelativeError, 0, 0.1 * 1.005);
        using Decomposition restored = s_method.Restore(indscal.Shape, indscal.Ranks, [.. indscal.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(indscal.RelativeError, restored.ErrorAgainst(tensor), 1e-14);
    }
}
