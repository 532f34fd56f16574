using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

/// <summary>Decompositions of large modes by sketches.</summary>
public sealed class RandomizedTests
{
    [Fact]
    public void Tucker_by_sketches_is_near_tucker_and_exact_where_the_ranks_are()
    {
        using Tensor exact = Planted(0), noisy = Planted(0.1);
        DecompositionMethod sketched = DecompositionMethods.Find("RandomizedTucker"), direct = DecompositionMethods.Find("Tucker");
        DecompositionOptions options = new() { Ranks = [4, 5, 3] };
        using Decomposition found = sketched.Decompose(exact, options), near = sketched.Decompose(noisy, options), best = direct.Decompose(noisy, options), swept = sketched.Decompose(noisy, options with { MaxIterations = 20 });
        Assert.InRange(found.RelativeError, 0, 1e-10);
        Assert.InRange(near.RelativeError, best.RelativeError * (1 - 1e-6), best.RelativeError * 1.02);
        Assert.InRange(swept.RelativeError, best.RelativeError * (1 - 1e-3), best.RelativeError * 1.001);
        Assert.Equal((0, true), (near.Iterations, near.Converged));
        Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => sketched.Decompose(noisy, new DecompositionOptions { Tolerance = 0.1 })).ErrorId);
    }

    [Fact]
    public void Planted_components_come_back_from_a_sketch()
    {
        List<Matrix<double>> planted = [.. new[] { 60, 50, 40 }.Select((n, k) => TestTensors.GaussianMatrix((ulong)(70 + k), n, 5))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        DecompositionMethod method = DecompositionMethods.Find("RandomizedCp");
        using CpTensor cp = (CpTensor)method.Decompose(tensor, new DecompositionOptions { Ranks = [5], Starts = 3, Rest = 1e-14, MaxIterations = 2000 });
        Assert.InRange(Recovery.Worst(planted, cp), 0, 1e-6);
        Assert.Equal("RandomizedCp", cp.Method);
        using Decomposition restored = method.Restore(cp.Shape, cp.Ranks, [.. cp.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(cp.RelativeError, restored.ErrorAgainst(tensor), 1e-12);
    }

    [Theory]
    [InlineData("RandomizedTucker")]
    [InlineData("RandomizedCp")]
    public void The_bits_depend_on_the_seed_alone(string name)
    {
        using Tensor tensor = Planted(0.2);
        Assert.Equal(Bits(1), Bits(4));

        double[] Bits(int threads)
        {
            using Decomposition found = DecompositionMethods.Find(name).Decompose(tensor, new DecompositionOptions { Ranks = [3], MaxIterations = 5, Compute = new ComputeOptions { ThreadCount = threads, Seed = 2 } });
            return [.. found.Factors.SelectMany(f => f.Values.Values.ToArray())];
        }
    }

    private static Tensor Planted(double noise)
    {
        Tensor tensor = TestTensors.Gaussian(50, 4, 5, 3);
        int[] shape = [48, 40, 36];
        for (int n = 0; n < 3; n++)
        {
            using Tensor old = tensor;
            using Matrix<double> u = TestTensors.GaussianMatrix((ulong)(60 + n), shape[n], old.Shape[n]);
            tensor = ModeProduct.Multiply(old, n, u.View);
        }
        using Tensor errors = TestTensors.Gaussian(9, shape);
        double scale = noise * Math.Sqrt(tensor.SquaredNorm() / errors.SquaredNorm());
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] += scale * errors.Values[i];
        return tensor;
    }
}
