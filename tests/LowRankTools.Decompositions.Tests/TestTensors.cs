using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Decompositions.Tests;

/// <summary>Tensors to test with, and the definitions that results are held against, written as the formulas are.</summary>
internal static class TestTensors
{
    /// <summary>Standard normal entries.</summary>
    public static Tensor Gaussian(ulong seed, params int[] shape)
    {
        Tensor tensor = new(shape);
        new DeterministicRandom(seed).FillGaussian(tensor.Values);
        return tensor;
    }

    /// <summary>Entries of a smooth function, whose singular values fall fast in every unfolding, and a little noise.</summary>
    public static Tensor Smooth(ulong seed, double noise, params int[] shape)
    {
        Tensor tensor = Gaussian(seed, shape);
        int[] index = new int[shape.Length];
        foreach (ref double value in tensor.Values)
        {
            double sum = 1;
            for (int k = 0; k < shape.Length; k++)
                sum += (index[k] + 1.0) * (k + 1) / shape[k];
            value = (1 / sum) + (noise * value);
            Count(index, shape);
        }
        return tensor;
    }

    /// <summary>A matrix of standard normal entries.</summary>
    public static Matrix<double> GaussianMatrix(ulong seed, int rows, int columns)
    {
        Matrix<double> matrix = new(rows, columns);
        new DeterministicRandom(seed).FillGaussian(matrix);
        return matrix;
    }

    /// <summary>The entry at an index.</summary>
    public static double At(Tensor tensor, params int[] index)
    {
        int position = 0;
        for (int k = 0; k < index.Length; k++)
            position = (position * tensor.Shape[k]) + index[k];
        return tensor.Values[position];
    }

    /// <summary>||x - y|| / ||x||.</summary>
    public static double Distance(Tensor x, Tensor y)
    {
        Assert.Equal(x.Shape, y.Shape);
        double difference = 0, norm = 0;
        for (int i = 0; i < x.Length; i++)
        {
            difference += (x.Values[i] - y.Values[i]) * (x.Values[i] - y.Values[i]);
            norm += x.Values[i] * x.Values[i];
        }
        return norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm);
    }

    /// <summary>Every index of a shape, last mode fastest.</summary>
    public static IEnumerable<int[]> Indices(params int[] shape)
    {
        int[] index = new int[shape.Length];
        for (int i = 0; i < shape.Aggregate(1, (p, n) => p * n); i++)
        {
            yield return [.. index];
            Count(index, shape);
        }
    }

    private static void Count(int[] index, int[] shape)
    {
        for (int k = shape.Length - 1; k >= 0; k--)
        {
            if (++index[k] < shape[k])
                return;
            index[k] = 0;
        }
    }
}
