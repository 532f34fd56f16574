using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Runs graphs in TensorFlow.js, and reads and makes them without our own reader and writer.</summary>
internal static class TensorFlowJsPeer
{
    /// <summary>The model with the factors' products in place of its weights, and the graph that it had.</summary>
    public static string Merged(TestFolder folder, ModelSource model, FactorizationResult result)
    {
        string merged = new MergeModel(new MergeOptions { OutputPath = folder["merged.safetensors"], Force = true }).Run(new ModelSource(result.Path, "m")).Path;
        Dictionary<string, (long[] Shape, float[] Values)> products = TestModel.Read(merged);
        List<StoredWeight> stored = Stored(model.Path);
        JsonNode root = JsonNode.Parse(File.ReadAllBytes(model.Path))!;
        root["weightsManifest"] = new JsonArray(new JsonObject { ["paths"] = new JsonArray("all"), ["weights"] = new JsonArray([.. stored.Select(p => p.Entry.DeepClone())]) });
        HashSet<string> replaced = [.. result.Layers.Where(l => l.Rank is not null).Select(l => l.Name)];
        Put(folder, "dense/all", [.. stored.SelectMany(p => replaced.Contains(p.Name) ? [.. products[p.Name].Values.SelectMany(BitConverter.GetBytes)] : p.Bytes)]);
        return Put(folder, "dense/model.json", JsonSerializer.SerializeToUtf8Bytes(root));
    }

    /// <summary>Answers that a script prints as its last line.</summary>
    public static double[][] Run(string package, string script, params string[] args) => JsonSerializer.Deserialize<double[][]>(NodePeer.Run(package, script, args).Split('\n').Last(l => l.StartsWith('[')))!;

    /// <summary>Two answers that differ by no more than a share of the first.</summary>
    public static void AssertAlike(double share, double[][] answers)
    {
        Assert.True(answers[0].Length > 10 && answers[0].Max(Math.Abs) > 1e-3);
        Assert.InRange(Distance(answers[0], answers[1]), 0, share);
    }

    /// <summary>||x - y|| / ||x||.</summary>
    public static double Distance(double[] expected, double[] found) => Math.Sqrt(expected.Zip(found).Sum(p => Math.Pow(p.First - p.Second, 2)) / expected.Sum(v => v * v));

    /// <summary>The manifest and the shards as anybody would read them.</summary>
    public static List<StoredWeight> Stored(string path)
    {
        List<StoredWeight> stored = [];
        foreach (JsonNode? group in JsonNode.Parse(File.ReadAllBytes(path))!["weightsManifest"]!.AsArray())
        {
            byte[] all = [.. group!["paths"]!.AsArray().SelectMany(p => File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(path)!, (string)p!)))];
            int at = 0;
            foreach (JsonNode? weight in group["weights"]!.AsArray())
            {
                int count = weight!["shape"]!.AsArray().Aggregate(1, (n, d) => n * (int)d!), length = count * (weight["quantization"] is null ? 4 : 1);
                if ((string)weight["dtype"]! == "string")
                    length = 4 + BitConverter.ToInt32(all, at);
                stored.Add(new StoredWeight((string)weight["name"]!, weight, all[at..(at + length)]));
                at += length;
            }
            Assert.Equal(all.Length, at);
        }
        return stored;
    }

    /// <summary>A weight with its entry in the manifest.</summary>
    internal sealed record StoredWeight(string Name, JsonNode Entry, byte[] Bytes);

    private static string Put(TestFolder folder, string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        File.WriteAllBytes(folder[name], content);
        return folder[name];
    }
}
