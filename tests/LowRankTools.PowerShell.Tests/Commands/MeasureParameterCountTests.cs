using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class MeasureParameterCountTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private const int TinyParameters = 64 * 32 + 64 + 32 * 64;

    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Parameters_and_memory_follow_from_the_shapes()
    {
        JsonElement count = session.One(_sandbox, "Measure-ParameterCount models/tiny.safetensors");
        Assert.Equal(TinyParameters, count.GetProperty("Parameters").GetInt64());
        Assert.Equal(TinyParameters, count.GetProperty("TrainableParameters").GetInt64());
        Assert.Equal(TinyParameters * 4, count.GetProperty("RunBytes").GetInt64());
        Assert.Equal(TinyParameters * 2, count.GetProperty("RunBytesFloat16").GetInt64());
        Assert.Equal(TinyParameters * 16, count.GetProperty("TrainBytesAdam").GetInt64());
        Assert.Equal(new FileInfo(_sandbox["models/tiny.safetensors"]).Length, count.GetProperty("Bytes").GetInt64());
        Assert.Equal(TinyParameters, count.GetProperty("ByDType").GetProperty("F32").GetInt64());
        Assert.Equal(64, count.GetProperty("ByKind").GetProperty("Bias").GetInt64());
    }

    [PwshFact]
    public void Layers_are_listed_only_when_details_are_asked_for()
    {
        Assert.Equal(JsonValueKind.Null, session.One(_sandbox, "Measure-ParameterCount models/tiny.safetensors").GetProperty("LayerShapes").ValueKind);
        Assert.Equal(3, session.One(_sandbox, "Measure-ParameterCount models/tiny.safetensors -Detailed").GetProperty("LayerShapes").GetArrayLength());
    }

    [PwshFact]
    public void A_folder_holds_its_own_models_and_with_recurse_those_below()
    {
        Assert.Equal(["tiny"], Names("Measure-ParameterCount models"));
        Assert.Equal(["tiny", "mini"], Names("Measure-ParameterCount models -Recurse"));
    }

    [PwshFact]
    public void A_model_that_is_named_twice_counts_once()
    {
        Assert.Equal(["tiny"], Names("Measure-ParameterCount models/tiny.safetensors, models/*.safetensors"));
    }

    [PwshFact]
    public void Any_shard_stands_for_its_whole_model()
    {
        JsonElement count = session.One(_sandbox, """
            Invoke-LowRankFactorization models/mini -Rank 4 -OutputPath sharded -MaxShardSize 8KB | Out-Null
            Get-ChildItem sharded/mini/*.safetensors | Measure-ParameterCount
            """);
        Assert.EndsWith(".index.json", count.GetProperty("Path").GetString(), StringComparison.Ordinal);
        Assert.True(Directory.GetFiles(_sandbox["sharded/mini"], "*.safetensors").Length > 1);
    }

    [PwshFact]
    public void What_was_found_in_two_formats_says_so()
    {
        _sandbox.WriteTiny("both/model.safetensors");
        _sandbox.WriteText("both/pytorch_model.bin", "not looked at");
        Assert.Contains("pytorch_model.bin", session.One(_sandbox, "Measure-ParameterCount both").GetProperty("Note").GetString(), StringComparison.Ordinal);
    }

    private IEnumerable<string?> Names(string script) => session.All(_sandbox, script).Select(l => l.GetProperty("Name").GetString());
}
