using System.Runtime.InteropServices;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Onnx;
using Microsoft.ML.OnnxRuntime;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>Graphs of convolutions, and ONNX Runtime on them with chains and with the chains' products as kernels.</summary>
internal static class ChainedGraphs
{
    private const int IntsType = 7;

    // Both run on the same input; the dense graph is a copy of the source with the merged kernels written over its own.
    public static void Agree(TestFolder folder, ModelSource source, FactorizationResult result, string? input, long[]? shape, double tolerance, float[]? values = null)
    {
        string merged = new MergeModel(new MergeOptions { OutputPath = folder["merged"] }).Run(new ModelSource(result.Path, "model")).Path, copy = folder["dense.onnx"];
        File.Copy(source.Path, copy);
        Dictionary<string, (long[] Shape, float[] Values)> products = TestModel.Read(merged);
        using (TensorFile file = TensorFiles.Open(source.Path))
        using (FileStream patched = File.OpenWrite(copy))
        {
            foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null))
            {
                patched.Position = Assert.IsType<FileRegion>(file.Tensors.Single(t => t.Name == layer.Name).Source).Start;
                patched.Write(MemoryMarshal.AsBytes<float>(products[layer.Name].Values));
            }
        }
        float[] chains = Run(result.Path, input, shape, values), dense = Run(copy, input, shape, values), original = Run(source.Path, input, shape, values);
        double scale = dense.Max(Math.Abs);
        Assert.Equal(dense.Length, chains.Length);
        Assert.True(original.Zip(dense).Max(p => Math.Abs(p.First - p.Second)) > 10 * tolerance * scale, "the products were not used: the comparison shows nothing");
        for (int i = 0; i < dense.Length; i++)
            Assert.Equal(dense[i], chains[i], tolerance * scale);
    }

    private static float[] Run(string path, string? input, long[]? shape, float[]? values)
    {
        using InferenceSession session = new(path);
        input ??= session.InputMetadata.Keys.First();
        shape ??= [.. session.InputMetadata[input].Dimensions.Select(d => (long)Math.Max(1, d))];
        Random random = new(1);
        values ??= [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => random.NextSingle() - 0.5f)];
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(values, shape);
        using RunOptions run = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(run, [input], [value], [session.OutputMetadata.Keys.First()]);
        return answers[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public static ModelSource Graph(string path, Action<ProtoWriter>[] parts)
    {
        ProtoWriter writer = new();
        writer.Varint(1, 8).Text(2, "test").Message(8, opset => opset.Text(1, "").Varint(2, 13));
        writer.Message(7, graph => Each(graph, [g => g.Text(2, "graph"), .. parts]));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, writer.ToArray());
        return new ModelSource(path, "m");
    }

    public static Action<ProtoWriter> Ints(string name, params long[] values) => Attribute(name, a =>
    {
        foreach (long value in values)
            a.Varint(8, value);
        a.Varint(20, IntsType);
    });

    public static Action<ProtoWriter> Values(string name, int seed, params long[] dims) =>
        Initializer(Tensor(name, Float, dims, t => t.Bytes(9, MemoryMarshal.AsBytes<float>(TestModel.Random(name, seed, dims).Values).ToArray())));
}
