using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Writing;
using static LowRankTools.Formats.Tests.Onnx.OnnxBuilder;

namespace LowRankTools.Benchmarks;

/// <summary>
/// A model of BERT base's shapes made on the spot, 435 MB: twelve layers of six matrices and an embedding; the matrices have some strong directions
/// over noise. As safetensors, and as an ONNX graph of the same weights that looks tokens up and multiplies by one matrix after the other.
/// </summary>
internal static class BertShaped
{
    private const int Layers = 12, Width = 768, Inner = 3072, Entries = 30522, Directions = 8;

    /// <summary>The embedding, then the matrices (in, out) in the order in which the graph multiplies.</summary>
    private static IEnumerable<(string Name, int Rows, int Columns)> Weights =>
        Enumerable.Range(0, Layers).SelectMany(i => new (string, int, int)[]
        {
            ("query", Width, Width), ("key", Width, Width), ("value", Width, Width), ("output", Width, Width), ("up", Width, Inner), ("down", Inner, Width),
        }.Select(w => (string.Create(CultureInfo.InvariantCulture, $"layers.{i}.{w.Item1}.weight"), w.Item2, w.Item3))).Prepend(("embeddings.weight", Entries, Width));

    /// <summary>Writes <c>model.safetensors</c> into a folder and returns its path.</summary>
    public static string WriteSafetensors(string folder)
    {
        string path = Path.Combine(Directory.CreateDirectory(folder).FullName, "model.safetensors");
        TensorSpec[] specs = [.. Weights.Select(w => new TensorSpec(w.Name, TensorDType.F32, [w.Rows, w.Columns]))];
        using SafetensorsModelWriter writer = new(path, specs, new Dictionary<string, string>());
        foreach ((TensorSpec spec, int seed) in specs.Select((s, i) => (s, i)))
        {
            writer.Begin(spec);
            WriteValues(seed, (int)spec.Shape[0], (int)spec.Shape[1], b => writer.Write(b));
        }
        writer.Complete();
        return path;
    }

    /// <summary>Writes <c>model.onnx</c> into a folder and returns its path.</summary>
    /// <param name="folder">Where the graph goes.</param>
    /// <param name="external">Whether its values lie in a data file beside it.</param>
    public static string WriteOnnx(string folder, bool external)
    {
        string path = Path.Combine(Directory.CreateDirectory(folder).FullName, "model.onnx");
        (string Name, int Rows, int Columns)[] weights = [.. Weights];
        ProtoWriter nodes = new(), rest = new();
        string x = "x0";
        Node("Gather", [weights[0].Name, "ids"], [x], n => n.Text(3, "embeddings"))(nodes);
        foreach ((int i, string name) in weights.Skip(1).Select((w, i) => (i + 1, w.Name)))
        {
            string y = string.Create(CultureInfo.InvariantCulture, $"x{i}");
            Node("MatMul", [x, name], [y], n => n.Text(3, name[..^".weight".Length]))(nodes);
            x = y;
        }
        // ValueInfoProto with a tensor type: ids are int64, the answer is float32.
        foreach ((int field, string name, int type) in new[] { (11, "ids", Long), (12, x, Float) })
            rest.Message(field, v => v.Text(1, name).Message(2, t => t.Message(1, tensor => tensor.Varint(1, type))));

        // Of each initializer everything but its values, which follow as field 9 or lie in the data file.
        List<byte[]> heads = [];
        long offset = 0, inside = nodes.ToArray().Length + rest.ToArray().Length;
        foreach ((string name, int rows, int columns) in weights)
        {
            long bytes = (long)rows * columns * sizeof(float), at = offset;
            ProtoWriter tensor = new();
            Tensor(name, Float, [rows, columns], t =>
            {
                if (external)
                    t.Message(13, e => e.Text(1, "location").Text(2, "model.onnx.data")).Message(13, e => e.Text(1, "offset").Text(2, $"{at}")).Message(13, e => e.Text(1, "length").Text(2, $"{bytes}")).Varint(14, 1);
                else
                    t.Length(9, bytes);
            })(tensor);
            byte[] head = tensor.ToArray();
            long values = external ? 0 : bytes;
            heads.Add([.. new ProtoWriter().Length(5, head.Length + values).ToArray(), .. head]);
            inside += heads[^1].Length + values;
            offset += bytes;
        }
        using FileStream file = File.Create(path);
        using FileStream? data = external ? File.Create(path + ".data") : null;
        file.Write(new ProtoWriter().Varint(1, 8).Text(2, "made").Message(8, o => o.Text(1, "").Varint(2, 17)).Length(7, inside).ToArray());
        file.Write(nodes.ToArray());
        for (int i = 0; i < weights.Length; i++)
        {
            file.Write(heads[i]);
            WriteValues(i, weights[i].Rows, weights[i].Columns, b => (data ?? file).Write(b));
        }
        file.Write(rest.ToArray());
        return path;
    }

    private static void WriteValues(int seed, int rows, int columns, Action<ReadOnlySpan<byte>> write)
    {
        Random random = new(seed);
        float[][] directions = [.. Enumerable.Range(0, Directions).Select(_ => Noise(random, columns))];
        float[] row = new float[columns], noise = Noise(random, 2 * columns);
        for (int i = 0; i < rows; i++)
        {
            // Noise is one long line read from another place in every row: cheap, and of full rank for all that is asked here.
            noise.AsSpan(random.Next(columns), columns).CopyTo(row);
            foreach ((float[] direction, int k) in directions.Select((d, k) => (d, k)))
            {
                float weight = ((float)random.NextDouble() - 0.5f) / (k + 1);
                for (int j = 0; j < columns; j++)
                    row[j] += weight * direction[j];
            }
            write(MemoryMarshal.AsBytes<float>(row));
        }
    }

    private static float[] Noise(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => 0.1f * ((float)random.NextDouble() - 0.5f))];
}
