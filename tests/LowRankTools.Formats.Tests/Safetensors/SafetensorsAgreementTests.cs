using System.Collections.Immutable;
using System.Text.Json;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Writing;

namespace LowRankTools.Formats.Tests.Safetensors;

/// <summary>
/// @huggingface/hub reads what is written here, single and sharded, as this library reads it. Its parser asks a
/// server for ranges of a file; the script answers from the folder, so nothing leaves the process.
/// </summary>
public sealed class SafetensorsAgreementTests : IDisposable
{
    private const string Package = "@huggingface/hub";

    private const string Script = """
        import { parseSafetensorsMetadata } from "@huggingface/hub";
        import { readFileSync } from "node:fs";
        const [folder, path] = process.argv.slice(1);
        const serve = async (url, options) => {
          const headers = new Headers(options?.headers);
          const name = decodeURIComponent(new URL(url).pathname.split("/").pop());
          if (!name.includes(".safetensors")) return new Response("", { status: 404 });
          const whole = readFileSync(`${folder}/${name}`);
          const range = /bytes=(\d+)-(\d+)?/.exec(headers.get("range") ?? "");
          if (!range) return new Response(whole, { headers: { "content-length": `${whole.length}`, etag: "\"1\"" } });
          const [begin, end] = [Number(range[1]), Math.min(Number(range[2] ?? whole.length - 1), whole.length - 1)];
          return new Response(whole.subarray(begin, end + 1), { status: 206,
            headers: { "content-range": `bytes ${begin}-${end}/${whole.length}`, "content-length": `${end + 1 - begin}`, etag: "\"1\"" } });
        };
        const result = await parseSafetensorsMetadata({ repo: "local/model", path, fetch: serve, computeParametersCount: true, hubUrl: "http://localhost" });
        console.log(JSON.stringify(result));
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NodeFact(Package)]
    public void A_single_file_is_listed_alike()
    {
        Write(0);
        using JsonDocument theirs = Parse("model.safetensors");
        Assert.False(theirs.RootElement.GetProperty("sharded").GetBoolean());
        using TensorFile ours = TensorFiles.Open(_folder["model.safetensors"]);
        AssertAgrees(theirs.RootElement.GetProperty("header"), ours);
        AssertCounts(theirs.RootElement, ours);
    }

    [NodeFact(Package)]
    public void Shards_are_listed_alike()
    {
        Write(300);
        using JsonDocument theirs = Parse("model.safetensors.index.json");
        Assert.True(theirs.RootElement.GetProperty("sharded").GetBoolean());
        using TensorFile ours = TensorFiles.Open(_folder["model.safetensors.index.json"]);
        JsonProperty[] shards = [.. theirs.RootElement.GetProperty("headers").EnumerateObject()];
        Assert.Equal(shards.Select(s => s.Name).Order(StringComparer.Ordinal), ours.Files.Skip(1).Select(f => Path.GetFileName(f)));
        foreach (JsonProperty shard in shards)
        {
            using TensorFile one = TensorFiles.Open(_folder[shard.Name]);
            AssertAgrees(shard.Value, one);
        }
        AssertCounts(theirs.RootElement, ours);
        Assert.Equal(ours.Tensors.Sum(t => t.ByteLength), theirs.RootElement.GetProperty("index").GetProperty("metadata").GetProperty("total_size").GetInt64());
    }

    private void Write(long maxShardBytes)
    {
        TensorSpec[] specs =
        [
            new("embed.weight", TensorDType.F32, [10, 8]), new("layer.0.weight", TensorDType.BF16, [8, 8]), new("layer.0.größe", TensorDType.F16, [8]),
            new("layer.1.weight", TensorDType.F8_E4M3, [16, 16]), new("ids", TensorDType.I64, [1, 12]), new("mask", TensorDType.BOOL, [4, 4]), new("scalar", TensorDType.F64, []),
        ];
        using SafetensorsModelWriter writer = new(_folder["model.safetensors"], specs,
            ImmutableDictionary<string, string>.Empty.Add("format", "pt"), maxShardBytes);
        foreach (TensorSpec spec in specs)
        {
            writer.Begin(spec);
            writer.Write(new byte[spec.ByteLength]);
        }
        writer.Complete();
    }

    private JsonDocument Parse(string path) => JsonDocument.Parse(NodePeer.Run(Package, Script, _folder.Root, path));

    private static void AssertAgrees(JsonElement header, TensorFile ours)
    {
        Assert.Equal("pt", header.GetProperty("__metadata__").GetProperty("format").GetString());
        Assert.Equal(header.EnumerateObject().Count() - 1, ours.Tensors.Count);
        foreach (TensorInfo tensor in ours.Tensors)
        {
            JsonElement their = header.GetProperty(tensor.Name);
            Assert.Equal(their.GetProperty("dtype").GetString(), tensor.DType.ToString());
            Assert.Equal(their.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()), tensor.Shape.ToArray());
            long[] offsets = [.. their.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt64())];
            Assert.Equal(offsets[1] - offsets[0], tensor.ByteLength);
        }
    }

    /// <summary>The hub's count leaves tensors without dimensions out; here they count one.</summary>
    private static void AssertCounts(JsonElement result, TensorFile ours)
    {
        Dictionary<string, long> theirs = result.GetProperty("parameterCount").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64());
        Assert.Equal(theirs, ours.Tensors.Where(t => t.Shape.Length > 0).GroupBy(t => t.DType.ToString()).ToDictionary(g => g.Key, g => g.Sum(t => t.ElementCount)));
    }
}
