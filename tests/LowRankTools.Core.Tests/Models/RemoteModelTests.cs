using System.Text;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Remote;
using LowRankTools.Tests;

namespace LowRankTools.Core.Tests.Models;

/// <summary>Models on servers are counted from their headers, and nothing else is done with them.</summary>
public sealed class RemoteModelTests : IDisposable
{
    private const int Hidden = 8192, Inner = 28672, KeyValue = 1024, Vocabulary = 32000, Blocks = 80, Shards = 15;

    private readonly FileServer _server = new();
    private readonly TestFolder _folder = new();

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    private static RemoteOptions Options => new() { Timeout = TimeSpan.FromSeconds(20), Token = "" };

    /// <summary>The shapes of a decoder of 70 billion parameters with grouped queries.</summary>
    private static IEnumerable<(string Name, long[] Shape)> Seventy()
    {
        yield return ("model.embed_tokens.weight", [Vocabulary, Hidden]);
        for (int i = 0; i < Blocks; i++)
        {
            string block = $"model.layers.{i}.";
            yield return (block + "self_attn.q_proj.weight", [Hidden, Hidden]);
            yield return (block + "self_attn.k_proj.weight", [KeyValue, Hidden]);
            yield return (block + "self_attn.v_proj.weight", [KeyValue, Hidden]);
            yield return (block + "self_attn.o_proj.weight", [Hidden, Hidden]);
            yield return (block + "mlp.gate_proj.weight", [Inner, Hidden]);
            yield return (block + "mlp.up_proj.weight", [Inner, Hidden]);
            yield return (block + "mlp.down_proj.weight", [Hidden, Inner]);
            yield return (block + "input_layernorm.weight", [Hidden]);
            yield return (block + "post_attention_layernorm.weight", [Hidden]);
        }
        yield return ("model.norm.weight", [Hidden]);
        yield return ("lm_head.weight", [Vocabulary, Hidden]);
    }

    /// <summary>Serves the model in shards that are headers alone; what would be data is never asked for.</summary>
    private (string Address, long HeaderBytes) ServeSeventy()
    {
        (string Name, long[] Shape)[] tensors = [.. Seventy()];
        List<string> map = [];
        long headers = 0;
        int each = (tensors.Length + Shards - 1) / Shards;
        foreach ((int shard, (string Name, long[] Shape)[] part) in tensors.Chunk(each).Index())
        {
            string file = $"model-{shard + 1:D5}-of-{Shards:D5}.safetensors";
            StringBuilder header = new("{");
            long at = 0;
            foreach ((string name, long[] shape) in part)
            {
                long end = at + 2 * shape.Aggregate(1L, (a, b) => a * b);
                header.Append(header.Length > 1 ? "," : "").Append($"\"{name}\":{{\"dtype\":\"BF16\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{at},{end}]}}");
                map.Add($"\"{name}\":\"{file}\"");
                at = end;
            }
            byte[] json = Encoding.UTF8.GetBytes(header.Append('}').ToString());
            _server.Serve("/owner/big/resolve/main/" + file, [.. BitConverter.GetBytes((long)json.Length), .. json], 8 + json.Length + at);
            headers += 8 + json.Length;
        }
        byte[] index = Encoding.UTF8.GetBytes($"{{\"weight_map\":{{{string.Join(',', map)}}}}}");
        return (_server.Serve("/owner/big/resolve/main/model.safetensors.index.json", index), headers + index.Length);
    }

    [Fact]
    public void Seventy_billion_parameters_are_counted_from_headers_alone()
    {
        (string address, long headerBytes) = ServeSeventy();
        ParameterCount count = CountParameters.Run(Assert.Single(new ModelLocator(takesAddresses: true).Find(address)), detailed: true, Options);
        long expected = Seventy().Sum(t => t.Shape.Aggregate(1L, (a, b) => a * b));
        Assert.Equal((68_976_648_192, "big", address), (expected, count.Name, count.Path));
        Assert.Equal(expected, count.Parameters);
        Assert.Equal(expected, count.LayerShapes!.Sum(l => l.Parameters));
        Assert.Equal(2 * expected, count.RunBytes);
        Assert.Equal(2 * expected + headerBytes, count.Bytes);
        // A first range of 64 KiB for each file is all that is asked for, and what is counted is what the server sent.
        Assert.Equal(_server.BodyBytes, count.TransferredBytes);
        Assert.InRange(count.TransferredBytes!.Value, headerBytes, headerBytes + 64 * 1024 * (Shards + 1));
    }

    [Fact]
    public void A_count_from_a_server_is_the_count_of_the_file()
    {
        string path = TestModel.Write(_folder["net/model.safetensors"], TestModel.Random("fc.weight", 1, 8, 6), TestModel.Random("fc.bias", 2, 8));
        string address = _server.Serve("/net/model.safetensors", File.ReadAllBytes(path));
        ParameterCount local = CountParameters.Run(new ModelSource(path, "net")), remote = CountParameters.Run(new ModelLocator(takesAddresses: true).Find(address)[0], remote: Options);
        Assert.Equal("net", remote.Name);
        Assert.Equal((local.Parameters, local.Bytes, local.RunBytes, local.Layers), (remote.Parameters, remote.Bytes, remote.RunBytes, remote.Layers));
        Assert.Equal((null, _server.BodyBytes), (local.TransferredBytes, remote.TransferredBytes));
    }

    [Theory]
    [InlineData("https://huggingface.co/owner/name/resolve/main/model-x.gguf?download=true", "model-x")]
    [InlineData("https://huggingface.co/owner/name/resolve/refs%2Fpr%2F1/model.safetensors", "name")]
    [InlineData("https://example.org/nets/model.safetensors.index.json", "nets")]
    [InlineData("https://example.org/model.safetensors", "model")]
    public void A_name_is_the_files_or_the_repositorys(string address, string name) =>
        Assert.Equal(name, Assert.Single(new ModelLocator(takesAddresses: true).Find(address)).Name);

    [Fact]
    public void What_reads_values_refuses_addresses_before_anything_is_asked()
    {
        string address = _server.Serve("/m.safetensors", [0]);
        ModelSource source = new(address, "m");
        Assert.Equal(FormatErrors.RemoteAddressRefused, Assert.Throws<ModelFormatException>(() => new ModelLocator().Find(address)).ErrorId);
        Assert.Equal(FormatErrors.RemoteAddressRefused, Assert.Throws<ModelFormatException>(() => Model.Open(source)).ErrorId);
        Assert.Equal(FormatErrors.RemoteAddressRefused, Assert.Throws<ModelFormatException>(() => new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(2) }).Run(source)).ErrorId);
        Assert.Empty(_server.Requests);
    }
}
