using System.Runtime.InteropServices;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Tests.Onnx;
using Microsoft.ML.OnnxRuntime;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Core.Tests.Graphs;

/// <summary>
/// A graph that looks a token up, multiplies, adds, and multiplies by a Gemm; its weights have rank <see cref="Rank"/>, so that
/// pairs of that rank are the same map.
/// </summary>
internal static class GraphModel
{
    public const int Rank = 3, Tokens = 40, Width = 24, Inner = 20, Classes = 16;

    // TensorProto.DataType.
    private const int Half = 10;

    // AttributeProto.type, which runtimes insist on.
    private const int FloatType = 1, IntType = 2, TensorType = 4;

    public static readonly string[] Weights = ["emb.weight", "fc.weight", "head.weight"];

    /// <summary>The graph.</summary>
    /// <param name="path">Where the model goes.</param>
    /// <param name="irVersion">3 wants every initializer among the inputs.</param>
    /// <param name="dataFile">Name of a file beside it for the values; null for values in the model.</param>
    /// <param name="constant">Whether the middle weight is what a Constant node holds.</param>
    /// <param name="half">Whether weights and answers are float16 and not float32.</param>
    /// <param name="extra">More parts of the graph, behind the others.</param>
    public static ModelSource Write(string path, int irVersion = 8, string? dataFile = null, bool constant = false, bool half = false, params Action<ProtoWriter>[] extra)
    {
        int type = half ? Half : Float;
        byte[] Bytes(float[] values) => half ? MemoryMarshal.AsBytes<System.Half>([.. values.Select(v => (System.Half)v)]).ToArray() : MemoryMarshal.AsBytes<float>(values).ToArray();
        List<byte> data = [];
        List<(string Name, long[] Dims)> initializers = [];
        Action<ProtoWriter> Values(string name, int seed, long[] dims, float[] values)
        {
            initializers.Add((name, dims));
            return Tensor(name, type, dims, t =>
            {
                byte[] bytes = Bytes(values);
                if (dataFile is null)
                {
                    t.Bytes(9, bytes);
                    return;
                }
                t.Message(13, e => e.Text(1, "location").Text(2, dataFile)).Message(13, e => e.Text(1, "offset").Text(2, $"{data.Count}")).Message(13, e => e.Text(1, "length").Text(2, $"{bytes.Length}")).Varint(14, 1);
                data.AddRange(bytes);
            });
        }
        Action<ProtoWriter> emb = Initializer(Values("emb.weight", 1, [Tokens, Width], LowRank(1, Tokens, Width)));
        Action<ProtoWriter> fc = constant ? Node("Constant", [], ["fc.weight"], Attribute("value", a => a.Varint(20, TensorType).Message(5, Tensor("", type, [Width, Inner], t => t.Bytes(9, Bytes(LowRank(2, Width, Inner)))))))
            : Initializer(Values("fc.weight", 2, [Width, Inner], LowRank(2, Width, Inner)));
        Action<ProtoWriter> bias = Initializer(Values("fc.bias", 3, [Inner], LowRank(3, 1, Inner)));
        Action<ProtoWriter> head = Initializer(Values("head.weight", 4, [Classes, Inner], LowRank(4, Classes, Inner)));
        Action<ProtoWriter> headBias = Initializer(Values("head.bias", 5, [Classes], LowRank(5, 1, Classes)));
        List<Action<ProtoWriter>> parts =
        [
            emb, bias, head, headBias, fc,
            Node("Gather", ["emb.weight", "ids"], ["x"]),
            Node("MatMul", ["x", "fc.weight"], ["h"], n => n.Text(3, "fc")),
            Node("Add", ["h", "fc.bias"], ["hb"]),
            Node("Tanh", ["hb"], ["t"]),
            Node("Gemm", ["t", "head.weight", "head.bias"], ["y"], Attribute("transB", a => a.Varint(3, 1).Varint(20, IntType)), Attribute("alpha", a => a.Float(2, 0.5f).Varint(20, FloatType)), n => n.Text(3, "head")),
            Value(11, "ids", Long, "n"), Value(12, "y", type, "n", Classes),
            .. extra,
        ];
        if (irVersion < 4)
            parts.AddRange(initializers.Select(i => Value(11, i.Name, type, [.. i.Dims.Cast<object>()])));
        ProtoWriter writer = new();
        writer.Varint(1, irVersion).Text(2, "test").Message(8, opset => opset.Text(1, "").Varint(2, 13)).Message(14, e => e.Text(1, "author").Text(2, "the test"));
        writer.Message(7, graph => Each(graph, [g => g.Text(2, "graph"), .. parts]));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, writer.ToArray());
        if (dataFile is not null)
            File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(path)!, dataFile), [.. data]);
        return new ModelSource(path, "m");
    }

    /// <summary>A graph of one product, y = x W with W of 60 x 96.</summary>
    /// <param name="path">Where the model goes.</param>
    /// <param name="version">Version of the operators.</param>
    /// <param name="shape">Sizes of x, the last of them 60.</param>
    /// <param name="weight">Name of W.</param>
    /// <param name="node">Name of the product.</param>
    public static ModelSource Product(string path, int version, long[] shape, string weight = "w", string node = "product")
    {
        ProtoWriter writer = new();
        object[] open = [.. shape.Select(n => (object)n)];
        writer.Varint(1, 8).Text(2, "test").Message(8, opset => opset.Text(1, "").Varint(2, version));
        writer.Message(7, graph => Each(graph,
        [
            g => g.Text(2, "graph"), Initializer(Tensor(weight, Float, [60, 96], t => t.Bytes(9, MemoryMarshal.AsBytes<float>(TestModel.Random("w", 4, 60, 96).Values).ToArray()))),
            Node("MatMul", ["x", weight], ["y"], n => n.Text(3, node)), Value(11, "x", Float, open), Value(12, "y", Float, [.. open[..^1], 96L]),
        ]));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, writer.ToArray());
        return new ModelSource(path, "m");
    }

    /// <summary>A value with its type and sizes; a text is a size that is open.</summary>
    public static Action<ProtoWriter> Value(int field, string name, int type, params object[] sizes) => graph => graph.Message(field, value => value.Text(1, name)
        .Message(2, t => t.Message(1, tensor =>
        {
            tensor.Varint(1, type);
            tensor.Message(2, shape => Array.ForEach(sizes, size => shape.Message(1, d =>
            {
                if (size is string open)
                    d.Text(2, open);
                else
                    d.Varint(1, Convert.ToInt64(size, System.Globalization.CultureInfo.InvariantCulture));
            })));
        })));

    /// <summary>Answers of ONNX Runtime for every token.</summary>
    /// <param name="path">The model.</param>
    /// <param name="settings">Settings of the session; null for none.</param>
    public static float[] Run(string path, SessionOptions? settings = null)
    {
        using SessionOptions plain = new();
        using InferenceSession session = new(path, settings ?? plain);
        using OrtValue ids = OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, Tokens).Select(i => (long)i)], [Tokens]);
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(options, ["ids"], [ids], ["y"]);
        return answers[0].GetTensorTypeAndShape().ElementDataType == Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float16
            ? [.. answers[0].GetTensorDataAsSpan<Float16>().ToArray().Select(v => v.ToFloat())]
            : answers[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>Answers of the graph with other weights.</summary>
    public static float[] Run(string path, Dictionary<string, (long[] Shape, float[] Values)> weights)
    {
        using SessionOptions options = new();
        List<OrtValue> values = [];
        foreach (string name in Weights.Skip(1))
        {
            values.Add(OrtValue.CreateTensorValueFromMemory(weights[name].Values, weights[name].Shape));
            options.AddInitializer(name, values[^1]);
        }
        float[] answers = Run(path, options);
        values.ForEach(v => v.Dispose());
        return answers;
    }

    /// <summary>The answer of a graph of one product, whose sizes are those of x but for the last.</summary>
    public static float[] RunProduct(string path, float[] x, long[] shape)
    {
        using InferenceSession session = new(path);
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(x, shape);
        using RunOptions run = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(run, ["x"], [value], ["y"]);
        Assert.Equal([.. shape[..^1], 96], answers[0].GetTensorTypeAndShape().Shape);
        return answers[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static float[] LowRank(int seed, int rows, int columns)
    {
        Random random = new(seed);
        double[] a = [.. Enumerable.Range(0, rows * Rank).Select(_ => random.NextDouble() - 0.5)], b = [.. Enumerable.Range(0, Rank * columns).Select(_ => random.NextDouble() - 0.5)];
        return [.. Enumerable.Range(0, rows * columns).Select(i => (float)Enumerable.Range(0, Rank).Sum(k => a[i / columns * Rank + k] * b[k * columns + i % columns]))];
    }
}
