using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class GetLayerShapesTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Every_tensor_is_listed_in_the_order_of_the_file()
    {
        Assert.Equal(["fc1.weight", "fc1.bias", "fc2.weight"], Names("Get-LayerShapes models/tiny.safetensors"));
    }

    [PwshFact]
    public void A_layer_tells_its_kind_shape_and_cost()
    {
        JsonElement layer = session.One(_sandbox, "Get-LayerShapes models/tiny.safetensors -Name fc1.weight");
        Assert.Equal("Linear", layer.GetProperty("Kind").GetString());
        Assert.Equal([64L, 32L], layer.GetProperty("Shape").GetProperty("Sizes").EnumerateArray().Select(s => s.GetInt64()));
        Assert.Equal(64 * 32, layer.GetProperty("Parameters").GetInt64());
        Assert.Equal(64 * 32 * 4, layer.GetProperty("Bytes").GetInt64());
        Assert.Equal("OutIn", layer.GetProperty("Orientation").GetString());
        Assert.Equal(64 * 32 / (64 + 32), layer.GetProperty("BreakEvenRank").GetInt64());
    }

    [PwshFact]
    public void The_singular_alias_is_the_same_command()
    {
        Assert.Equal(Names("Get-LayerShapes models/mini"), Names("Get-LayerShape models/mini"));
    }

    [PwshTheory]
    [InlineData("-Name fc1", "fc1.weight")]
    [InlineData("-Name FC?.BIAS", "fc1.bias")]
    [InlineData("-Include *.weight -Exclude fc2*", "fc1.weight")]
    [InlineData("-Include fc[2-9]", "fc2.weight")]
    [InlineData("-Kind Bias", "fc1.bias")]
    [InlineData("-Name *.weight -Include fc2*", "fc2.weight")]
    public void Layers_are_chosen_by_name_and_kind(string choice, string expected)
    {
        Assert.Equal([expected], Names($"Get-LayerShapes models/tiny.safetensors {choice}"));
    }

    [PwshFact]
    public void A_name_that_no_model_has_is_an_error_and_a_pattern_is_not()
    {
        Reply reply = session.Run(_sandbox, "Get-LayerShapes models/tiny.safetensors -Name fc9, fc1.bias; Get-LayerShapes models/tiny.safetensors -Name fc9*");
        Assert.Single(reply.Output);
        Fault fault = Assert.Single(reply.Errors);
        Assert.StartsWith("LayerNotFound,", fault.Id, StringComparison.Ordinal);
        Assert.Equal("ObjectNotFound", fault.Category);
        Assert.Equal("fc9", fault.Target);
    }

    [PwshFact]
    public void An_unknown_kind_is_refused_by_the_binder()
    {
        Reply reply = session.Run(_sandbox, "Get-LayerShapes models/tiny.safetensors -Kind Quadratic");
        Assert.StartsWith("CannotConvertArgumentNoMessage,", reply.Thrown?.Id, StringComparison.Ordinal);
    }

    [PwshFact]
    public void A_pipeline_that_wants_one_object_gets_one()
    {
        Assert.Equal(["fc1.weight"], Names("Get-LayerShapes models -Recurse | Select-Object -First 1"));
    }

    private IEnumerable<string?> Names(string script) => session.All(_sandbox, script).Select(l => l.GetProperty("Name").GetString());
}
