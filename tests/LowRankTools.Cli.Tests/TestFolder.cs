using System.Runtime.InteropServices;
using System.Security.Cryptography;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Cli.Tests;

/// <summary>A folder of its own for one test, with models made by code, gone afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    /// <summary>Parameters of <see cref="Model"/>.</summary>
    public const long Parameters = 32 * 16 + 24 * 24 + 48 * 24 + 48 + 24 * 48 + 24 + 24 + 24 + 4 * 3 * 3 * 3;

    public string Root { get; } = Directory.CreateTempSubdirectory("lowrank-cli-").FullName;

    public string this[string name] => Path.Combine(Root, name);

    /// <summary>A small network: embedding, attention, feed-forward, normalisation, convolution.</summary>
    public string Model(string name = "model.safetensors", int seed = 1) => Write(name, seed,
        ("embed.weight", [32, 16]), ("attn.to_q.weight", [24, 24]), ("mlp.up.weight", [48, 24]), ("mlp.up.bias", [48]),
        ("mlp.down.weight", [24, 48]), ("mlp.down.bias", [24]), ("norm.weight", [24]), ("norm.bias", [24]), ("conv.weight", [4, 3, 3, 3]));

    /// <summary>A model of the given tensors with seeded values.</summary>
    public string Write(string name, int seed, params (string Name, long[] Shape)[] tensors)
    {
        Random random = new(seed);
        return Write(name, tensors, _ => (float)(random.NextDouble() - 0.5));
    }

    /// <summary>A model of the given tensors with values made one by one.</summary>
    public string Write(string name, (string Name, long[] Shape)[] tensors, Func<int, float> value)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        using SafetensorsModelWriter writer = new(this[name], tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, [.. t.Shape])), new Dictionary<string, string>());
        foreach ((string tensor, long[] shape) in tensors)
        {
            writer.Begin(new TensorSpec(tensor, TensorDType.F32, [.. shape]));
            float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(value)];
            writer.Write(MemoryMarshal.AsBytes<float>(values));
        }
        return writer.Complete()[0];
    }

    public string Text(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], content);
        return this[name];
    }

    /// <summary>Everything below the folder with the hash of its content: equal exactly when nothing was touched.</summary>
    public string Snapshot() => string.Join('\n', Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .Select(path => $"{path} {(File.Exists(path) ? Hash(path) : "")}"));

    public static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
