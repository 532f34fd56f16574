using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Rescal;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tests;

public sealed class RescalTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("Rescal");

    [Fact]
    public void Planted_matrices_of_one_subspace_are_found()
    {
        using Tensor tensor = Slices.Rescal(4, 30, 6, 0);
        using RescalTensor rescal = (RescalTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4] });
        Assert.InRange(rescal.RelativeError, 0, 1e-10);
        Assert.True(rescal.Converged);
        Assert.Equal((30 * 4) + (6 * 16), rescal.ParameterCount);
    }

    [Fact]
    public void With_noise_no_sweep_is_worse_and_the_error_is_near_the_noise()
    {
        using Tensor tensor = Slices.Rescal(4, 40, 8, 0.1);
        using RescalTensor rescal = (RescalTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [4], Starts = 3 });
        for (int i = 1; i < rescal.Errors.Count; i++)
            Assert.InRange(rescal.Errors[i], 0, rescal.Errors[i - 1]);
        Assert.InRange(rescal.RelativeError, 0, 0.1 * 1.01);
        Assert.Equal(rescal.Errors[^1], rescal.RelativeError, 1e-9);
    }

    [Fact]
    public void What_is_no_stack_of_square_matrices_is_refused()
    {
        using Tensor tensor = TestTensors.Gaussian(1, 3, 4, 5), square = TestTensors.Gaussian(1, 3, 4, 4);
        foreach (string name in (string[])["Rescal", "Dedicom", "Indscal"])
        {
            DecompositionMethod method = DecompositionMethods.Find(name);
            Assert.Equal("ShapesDoNotMatch", Id(() => method.Decompose(tensor, new DecompositionOptions { Ranks = [2] })));
            Assert.Equal("OptionInvalid", Id(() => method.Decompose(square, new DecompositionOptions { Ranks = [2, 2] })));
            Assert.Equal("OptionInvalid", Id(() => method.Decompose(square, new DecompositionOptions { Tolerance = 0.1 })));
            Assert.Equal("ShapesDoNotMatch", Id(() => method.Factors([3, 4, 4], [5])));
            Assert.False(method.MayBeSmaller([3, 4, 5], new DecompositionOptions { Ranks = [1] }));
        }

        static string Id(Action action) => Assert.Throws<LowRankToolsException>(action).ErrorId;
    }
}

/// <summary>Stacks of square matrices with planted factors.</summary>
internal static class Slices
{
    public static Tensor Rescal(int rank, int size, int count, double noise) => Of(rank, size, count, noise, (k, r) => TestTensors.GaussianMatrix((ulong)(100 + k), r, r));

    public static Tensor Dedicom(int rank, int size, int count, double noise)
    {
        using Matrix<double> core = TestTensors.GaussianMatrix(7, rank, rank);
        return Of(rank, size, count, noise, (k, r) =>
        {
            using Matrix<double> d = TestTensors.GaussianMatrix((ulong)(100 + k), 1, r);
            Matrix<double> scaled = core.Copy();
            for (int i = 0; i < r; i++)
                for (int j = 0; j < r; j++)
                    scaled[i, j] *= (1 + Math.Abs(d[0, i])) * (1 + Math.Abs(d[0, j]));
            return scaled;
        });
    }

    public static Tensor Indscal(int rank, int size, int count, double noise) => Of(rank, size, count, noise, (k, r) =>
    {
        using Matrix<double> w = TestTensors.GaussianMatrix((ulong)(100 + k), 1, r);
        Matrix<double> diagonal = new(r, r);
        for (int i = 0; i < r; i++)
            diagonal[i, i] = w[0, i];
        return diagonal;
    });

    /// <summary>The planted A of all of these.</summary>
    public static Matrix<double> Loadings(int size, int rank) => TestTensors.GaussianMatrix(1, size, rank);

    private static Tensor Of(int rank, int size, int count, double noise, Func<int, int, Matrix<double>> core)
    {
        using Matrix<double> a = Loadings(size, rank);
        Tensor tensor = Tensor.Uninitialized(count, size, size);
        for (int k = 0; k < count; k++)
        {
            using Matrix<double> r = core(k, rank), half = Matrix<double>.Uninitialized(size, rank);
            Gemm.Multiply(1, a.View, r.View, 0, half.View);
            Gemm.Multiply(1, half.View, a.Transposed, 0, CommonSubspace.Slice(tensor, k));
        }
        using Tensor errors = TestTensors.Gaussian(55, count, size, size);
        double scale = noise * Math.Sqrt(tensor.SquaredNorm() / errors.SquaredNorm());
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] += scale * errors.Values[i];
        return tensor;
    }
}
