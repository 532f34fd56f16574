using LowRankTools.Core.Models;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;

namespace LowRankTools.Core.Tests.Gguf;

/// <summary>Makes small GGUF models on disk, by the builder that Formats is tested with, and knows their order of rows.</summary>
internal static class TestGguf
{
    public const int Heads = 4, KeyHeads = 2;

    /// <summary>What a model of an architecture says: settings, a vocabulary, an odd key-value.</summary>
    public static GgufBuilder Model(string architecture = "llama") => new GgufBuilder()
        .KeyValue("general.architecture", architecture).KeyValue("general.alignment", 32)
        .KeyValue($"{architecture}.attention.head_count", Heads).KeyValue($"{architecture}.attention.head_count_kv", KeyHeads)
        .KeyValue("tokenizer.ggml.tokens", 9, GgufBuilder.Array(8, 3, GgufBuilder.Text("a"), GgufBuilder.Text("bc"), GgufBuilder.Text("")))
        .KeyValue("odd", 9, GgufBuilder.Array(9, 1, GgufBuilder.Array(12, 1, BitConverter.GetBytes(0.1))));

    /// <summary>Adds a tensor of PyTorch's shape.</summary>
    public static GgufBuilder With(this GgufBuilder builder, (string Name, long[] Shape, float[] Values) tensor, TensorDType type = TensorDType.F32)
    {
        byte[] bytes = new byte[type.ByteLength(tensor.Values.Length)];
        TensorConversion.FromSingle(type, tensor.Values, bytes);
        uint number = type switch { TensorDType.F32 => 0, TensorDType.F16 => 1, TensorDType.Q8_0 => 8, _ => 30 };
        return builder.Tensor(tensor.Name, [.. tensor.Shape.Reverse().Select(s => (ulong)s)], number, bytes);
    }

    public static ModelSource Write(this GgufBuilder builder, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, builder.Build());
        return new ModelSource(path, Path.GetFileNameWithoutExtension(path));
    }

    /// <summary>Rows of a weight as llama.cpp's converter puts them: (heads, 2, d / 2) becomes (heads, d / 2, 2).</summary>
    public static float[] Interleave(float[] weight, int rows, int columns, int heads)
    {
        float[] result = new float[weight.Length];
        int half = rows / heads / 2, to = 0;
        for (int head = 0; head < heads; head++)
        {
            for (int j = 0; j < half; j++)
            {
                for (int c = 0; c < 2; c++)
                {
                    int from = head * 2 * half + c * half + j;
                    Array.Copy(weight, from * columns, result, to++ * columns, columns);
                }
            }
        }
        return result;
    }

    /// <summary>Every key-value of a file, by the bytes that it has there.</summary>
    public static IReadOnlyDictionary<string, string> Metadata(string path)
    {
        using TensorFile file = TensorFiles.Open(path);
        return new Dictionary<string, string>(file.Metadata, StringComparer.Ordinal);
    }

    public static TensorDType TypeOf(string path, string name)
    {
        using TensorFile file = TensorFiles.Open(path);
        return file.Tensors.First(t => t.Name == name).DType;
    }

}
