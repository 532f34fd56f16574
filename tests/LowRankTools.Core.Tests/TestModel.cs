using System.Runtime.InteropServices;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Core.Tests;

/// <summary>Makes small models on disk, and reads what was made of them.</summary>
internal static class TestModel
{
    /// <summary>A float32 tensor of seeded normal-like values.</summary>
    public static (string Name, long[] Shape, float[] Values) Random(string name, int seed, params long[] shape)
    {
        Random random = new(seed);
        long count = shape.Aggregate(1L, (a, b) => a * b);
        return (name, shape, [.. Enumerable.Range(0, (int)count).Select(_ => (float)(random.NextDouble() + random.NextDouble() - 1))]);
    }

    /// <summary>A matrix of exactly the given singular values, in random directions.</summary>
    public static (string Name, long[] Shape, float[] Values) WithSpectrum(string name, int seed, int rows, int columns, params double[] values)
    {
        double[][] left = Orthonormal(rows, values.Length, seed);
        double[][] right = Orthonormal(columns, values.Length, seed + 1000);
        float[] product = new float[rows * columns];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                double sum = 0;
                for (int k = 0; k < values.Length; k++)
                    sum += left[k][i] * values[k] * right[k][j];
                product[i * columns + j] = (float)sum;
            }
        }
        return (name, [rows, columns], product);
    }

    /// <summary>Writes a safetensors file.</summary>
    public static string Write(string path, params (string Name, long[] Shape, float[] Values)[] tensors) =>
        Write(path, new Dictionary<string, string>(), tensors);

    /// <summary>Writes a safetensors file with metadata.</summary>
    public static string Write(string path, Dictionary<string, string> metadata, params (string Name, long[] Shape, float[] Values)[] tensors) =>
        Write(path, metadata, 0, tensors);

    /// <summary>Writes a safetensors file, or shards.</summary>
    public static string Write(string path, Dictionary<string, string> metadata, long maxShardBytes, params (string Name, long[] Shape, float[] Values)[] tensors)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using SafetensorsModelWriter writer = new(path, tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [.. t.Shape])), metadata, maxShardBytes);
        foreach ((string name, long[] shape, float[] values) in tensors)
        {
            writer.Begin(new TensorSpec(name, TensorDType.F32, [.. shape]));
            writer.Write(MemoryMarshal.AsBytes<float>(values));
        }
        return writer.Complete()[0];
    }

    /// <summary>Every tensor of a model as float32, by name.</summary>
    public static Dictionary<string, (long[] Shape, float[] Values)> Read(string path)
    {
        using TensorFile file = TensorFiles.Open(path);
        Dictionary<string, (long[], float[])> tensors = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in file.Tensors)
        {
            float[] values = new float[tensor.ElementCount];
            file.ReadSingles(tensor, 0, values);
            tensors[tensor.Name] = ([.. tensor.Shape], values);
        }
        return tensors;
    }

    /// <summary>a (m x k) times b (k x n) in float64.</summary>
    public static double[] Multiply(float[] a, float[] b, int m, int k, int n)
    {
        double[] c = new double[m * n];
        for (int i = 0; i < m; i++)
        {
            for (int l = 0; l < k; l++)
            {
                for (int j = 0; j < n; j++)
                    c[i * n + j] += (double)a[i * k + l] * b[l * n + j];
            }
        }
        return c;
    }

    /// <summary>Rows and columns exchanged.</summary>
    public static float[] Transpose(float[] a, int rows, int columns)
    {
        float[] t = new float[a.Length];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                t[j * rows + i] = a[i * columns + j];
        }
        return t;
    }

    /// <summary>||a - b|| / ||a||.</summary>
    public static double RelativeError(float[] a, double[] b)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += (a[i] - b[i]) * (a[i] - b[i]);
            norm += (double)a[i] * a[i];
        }
        return Math.Sqrt(difference / norm);
    }

    /// <summary>Content of every file in a folder, so that a test can see that nothing changed.</summary>
    public static Dictionary<string, string> Snapshot(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(
            f => Path.GetRelativePath(folder, f),
            f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f))),
            StringComparer.Ordinal);

    private static double[][] Orthonormal(int length, int count, int seed)
    {
        Random random = new(seed);
        double[][] vectors = new double[count][];
        for (int k = 0; k < count; k++)
        {
            double[] v = [.. Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5)];
            for (int pass = 0; pass < 2; pass++)
            {
                for (int l = 0; l < k; l++)
                {
                    double dot = v.Zip(vectors[l], (x, y) => x * y).Sum();
                    for (int i = 0; i < length; i++)
                        v[i] -= dot * vectors[l][i];
                }
            }
            double norm = Math.Sqrt(v.Sum(x => x * x));
            vectors[k] = [.. v.Select(x => x / norm)];
        }
        return vectors;
    }
}
