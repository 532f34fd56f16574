using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.NonNegativeTucker;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Decompositions.Tests;

public sealed class NonNegativeTuckerTests
{
    private static readonly DecompositionMethod s_method = DecompositionMethods.Find("NonNegativeTucker");

    [Fact]
    public void Planted_tensors_are_met_without_negative_entries_and_no_sweep_is_worse()
    {
        using Tensor tensor = Planted([3, 2, 3], [12, 10, 11]);
        using NonNegativeTuckerTensor tucker = (NonNegativeTuckerTensor)s_method.Decompose(tensor, new DecompositionOptions { Ranks = [3, 2, 3], Starts = 2 });
        Assert.InRange(tucker.RelativeError, 0, 1e-6);
        Assert.All(tucker.Factors.SelectMany(f => f.Values.Values.ToArray()), v => Assert.True(v >= 0));
        for (int i = 1; i < tucker.Errors.Count; i++)
            Assert.InRange(tucker.Errors[i], 0, tucker.Errors[i - 1] + 1e-9);
        Assert.Equal(tucker.Errors[^1], tucker.RelativeError, 1e-6);
        using Decomposition restored = s_method.Restore(tucker.Shape, tucker.Ranks, [.. tucker.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(tucker.RelativeError, restored.ErrorAgainst(tensor), 1e-12);
    }

    [Fact]
    public void Of_a_tensor_with_negative_entries_the_best_it_can_is_no_worse_than_zero()
    {
        using Tensor tensor = TestTensors.Gaussian(3, 6, 7, 5);
        using Decomposition tucker = s_method.Decompose(tensor, new DecompositionOptions { Ranks = [2], MaxIterations = 50 });
        Assert.InRange(tucker.RelativeError, 0, 1);
        Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => s_method.Decompose(tensor, new DecompositionOptions { Tolerance = 0.1 })).ErrorId);
    }

    private static Tensor Planted(int[] ranks, int[] shape)
    {
        Tensor tensor = Magnitudes(TestTensors.Gaussian(50, ranks));
        for (int n = 0; n < shape.Length; n++)
        {
            using Tensor old = tensor, u = Magnitudes(TestTensors.Gaussian((ulong)(60 + n), shape[n], ranks[n]));
            tensor = ModeProduct.Multiply(old, n, u.Matricize(1));
        }
        return tensor;
    }

    private static Tensor Magnitudes(Tensor tensor)
    {
        foreach (ref double value in tensor.Values)
            value = Math.Abs(value);
        return tensor;
    }
}
