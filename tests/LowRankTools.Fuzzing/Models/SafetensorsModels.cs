using System.Text;
using System.Text.Json.Nodes;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Models;

/// <summary>Safetensors files alone and in shards, dense and factorized, the record inside and beside.</summary>
internal static class SafetensorsModels
{
    public static IEnumerable<ModelFiles> All()
    {
        byte[] dense = File(
            ("encoder.0.weight", "F32", [6, 8], 4), ("encoder.0.bias", "F32", [6], 4), ("encoder.1.weight", "BF16", [8, 6], 2), ("embed.weight", "F16", [9, 4], 2),
            ("steps", "I64", [], 8), ("mask", "BOOL", [3], 1), ("empty", "F32", [0, 7], 4), ("norm.weight", "F64", [6], 8));
        yield return new("safetensors", Part("model.safetensors", dense));
        byte[] first = File(("a.weight", "F32", [5, 7], 4)), second = File(("b.weight", "F16", [7, 5], 2), ("b.bias", "F16", [7], 2));
        yield return new("safetensors in shards", Index("model.safetensors.index.json", ("a.weight", "s1"), ("b.weight", "s2"), ("b.bias", "s2")), Part("s1", first), Part("s2", second));
        byte[] factorized = Factorized(dense);
        yield return new("safetensors, factorized", Part("model.safetensors", factorized));
        (byte[] bare, byte[] record) = Apart(factorized);
        yield return new("safetensors, record beside", Part("model.safetensors", bare), new ModelPart(FactorizationRecord.FileName, FileKind.Json, record));
        yield return new("safetensors, factorized in int8", Part("model.safetensors", Factorized(dense, WeightQuantization.Int8)));
        // No pair: blocks of 32 in rows that are as long as two.
        byte[] wide = File(("a.weight", "F32", [6, 64], 4), ("b.weight", "F32", [5, 32], 4), ("bias", "F32", [6], 4));
        yield return new("safetensors, 4-bit blocks", Part("model.safetensors", Factorized(wide, WeightQuantization.Q4_0, dense: true)));
    }

    /// <summary>An index of shards.</summary>
    public static ModelPart Index(string name, params (string Tensor, string Shard)[] map)
    {
        JsonObject weights = [];
        foreach ((string tensor, string shard) in map)
            weights[tensor] = shard;
        return new ModelPart(name, FileKind.Json, Encoding.UTF8.GetBytes(new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 8 }, ["weight_map"] = weights }.ToJsonString()));
    }

    private static ModelPart Part(string name, byte[] bytes) => new(name, FileKind.Safetensors, bytes);

    private static byte[] File(params (string Name, string DType, long[] Shape, int Size)[] tensors)
    {
        JsonObject header = new() { ["__metadata__"] = new JsonObject { ["format"] = "pt", ["note"] = "größe" } };
        List<byte> data = [];
        foreach ((string name, string dtype, long[] shape, int size) in tensors)
        {
            int start = data.Count;
            int bytes = (int)shape.Aggregate(1L, (a, b) => a * b) * size;
            // Every value is finite in every type that the header may come to name.
            data.AddRange(Enumerable.Range(0, bytes).Select(i => dtype == "BOOL" ? (byte)(i % 2) : (byte)((i * 37 + bytes) % 60)));
            header[name] = new JsonObject { ["dtype"] = dtype, ["shape"] = Numbers(shape), ["data_offsets"] = Numbers([start, data.Count]) };
        }
        return Join(header, [.. data]);
    }

    private static byte[] Factorized(byte[] model, WeightQuantization? quantize = null, bool dense = false)
    {
        using TestFolder folder = new();
        ModelSource source = new(folder.Write("model.safetensors", model), "model");
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(dense ? 32 : 2), OutputPath = folder["out"], Quantize = quantize, QuantizeDense = dense, Selection = new LayerSelection { Exclude = dense ? [_ => true] : [] } }).Run(source);
        return System.IO.File.ReadAllBytes(result.Path);
    }

    /// <summary>The record taken out of the metadata, to lie beside the weights.</summary>
    private static (byte[] Bare, byte[] Record) Apart(byte[] factorized)
    {
        int length = (int)BitConverter.ToInt64(factorized);
        JsonObject header = JsonNode.Parse(factorized.AsSpan(8, length))!.AsObject();
        string record = (string)header["__metadata__"]![FactorizationRecord.MetadataKey]!;
        header.Remove("__metadata__");
        return (Join(header, factorized[(8 + length)..]), Encoding.UTF8.GetBytes(record));
    }

    private static byte[] Join(JsonObject header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        return [.. BitConverter.GetBytes((long)json.Length), .. json, .. data];
    }

    private static JsonArray Numbers(long[] numbers) => [.. numbers.Select(n => JsonValue.Create(n))];
}
