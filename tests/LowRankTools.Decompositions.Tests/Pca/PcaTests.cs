using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Pca;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class PcaTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("Pca");

    [Fact]
    public void Planted_components_about_a_mean_are_found_and_orthonormal()
    {
        using Tensor tensor = Samples(120, 80, 4, 0);
        using PrincipalComponents pca = (PrincipalComponents)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4] });
        Assert.InRange(pca.RelativeError, 0, 1e-10);
        MatrixView<double> c = pca.Components.Matricize(1);
        using Matrix<double> gram = new(4, 4);
        Gemm.MultiplyByOwnTranspose(1, c, 0, gram.View);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++)
                Assert.Equal(i == j ? 1 : 0, gram[i, j], 1e-10);
        // Without its mean the same matrix has one component more.
        using Decomposition plain = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [3] });
        Assert.True(plain.RelativeError > 1e-3);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(30)]
    public void A_sketch_comes_near_the_best_that_there_is(int rank)
    {
        using Tensor tensor = Samples(90, 70, 8, 0.3);
        using PrincipalComponents pca = (PrincipalComponents)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [rank] });
        using Matrix<double> centred = tensor.AsMatrix(90, 70).ToMatrix();
        for (int i = 0; i < 90; i++)
            for (int j = 0; j < 70; j++)
                centred[i, j] -= pca.Mean.Values[j];
        double[] values = SingularValues.Compute(LinearTestMatrices.Single(centred).View);
        double best = Math.Sqrt(values.Skip(rank).Sum(v => v * v) / tensor.SquaredNorm());
        Assert.InRange(pca.RelativeError, best * (1 - 1e-4), best * 1.01);
        Assert.Equal((rank, true), (pca.Ranks[0], pca.Converged));
    }

    [Fact]
    public void A_tolerance_is_kept_at_the_least_rank()
    {
        using Tensor tensor = Samples(60, 50, 5, 1e-4);
        using Decomposition pca = s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 0.01 });
        Assert.InRange(pca.RelativeError, 0, 0.01);
        Assert.InRange(pca.Ranks[0], 1, 5);
    }

    [Fact]
    public void The_bits_depend_on_the_seed_alone()
    {
        using Tensor tensor = Samples(60, 50, 5, 0.1);
        Assert.Equal(Bits(1, 3), Bits(4, 3));

        double[] Bits(int threads, ulong seed)
        {
            using Decomposition pca = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4], Compute = new ComputeOptions { ThreadCount = threads, Seed = seed } });
            return [.. pca.Factors.SelectMany(f => f.Values.Values.ToArray())];
        }
    }

    private static Tensor Samples(int rows, int columns, int rank, double noise)
    {
        using Matrix<double> scores = TestTensors.GaussianMatrix(1, rows, rank), components = TestTensors.GaussianMatrix(2, rank, columns), mean = TestTensors.GaussianMatrix(3, 1, columns);
        Tensor tensor = TestTensors.Gaussian(4, rows, columns);
        foreach (ref double value in tensor.Values)
            value *= noise;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                tensor.Values[(i * columns) + j] += 3 * mean[0, j];
        Gemm.Multiply(1, scores.View, components.View, 1, tensor.Matricize(1));
        return tensor;
    }
}

/// <summary>Matrices in float32.</summary>
internal static class LinearTestMatrices
{
    public static Matrix<float> Single(Matrix<double> matrix) => Matrix<float>.From(matrix.Rows, matrix.Columns, [.. matrix.ToArray().Select(v => (float)v)]);
}
