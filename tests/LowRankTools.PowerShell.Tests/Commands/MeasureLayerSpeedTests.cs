using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class MeasureLayerSpeedTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Measure-LayerSpeed 16x8, 8x8 -Runs 2", "16x8/2 8x8/2")]
    [InlineData("'16x8', '8x8' | Measure-LayerSpeed -Runs 2 -Rank 1, 3", "16x8/1 16x8/3 8x8/1 8x8/3")]
    [InlineData("Get-LayerShapes models/tiny.safetensors | Measure-LayerSpeed -Runs 2 -Rank 4", "64x32/4 32x64/4")]
    [InlineData("Get-LayerShapes models -Recurse | Measure-LayerSpeed -Runs 2 -Rank 4 -SkipBreakEven", "64x32/4 32x64/4 32x32/4 128x32/4 32x128/4")]
    public void Shapes_and_layers_come_by_argument_and_by_pipeline(string command, string expected)
    {
        IReadOnlyList<JsonElement> results = session.All(_sandbox, command);
        Assert.Equal(expected, string.Join(' ', results.Select(r => $"{r.GetProperty("OutFeatures")}x{r.GetProperty("InFeatures")}/{r.GetProperty("Rank")}")));
        Assert.All(results, r => Assert.True(r.GetProperty("Dense").GetProperty("MedianSeconds").GetDouble() > 0 && r.GetProperty("Pair").GetProperty("Runs").GetInt32() == 2));
    }

    [PwshFact]
    public void A_bad_shape_or_rank_is_its_own_error_and_the_others_are_timed()
    {
        Reply reply = session.Run(_sandbox, "'16x', '4x4', '64x64' | Measure-LayerSpeed -Rank 9 -Runs 1");
        Assert.Equal(["OptionInvalid", "RankExceedsLayer"], reply.ErrorIds);
        Assert.Equal(["16x", "4x4"], reply.Errors.Select(e => e.Target));
        Assert.Single(reply.Output);
    }

    [PwshFact]
    public void Activations_of_several_modes_are_contracted()
    {
        IReadOnlyList<JsonElement> results = session.All(_sandbox, "Measure-LayerSpeed -InputShape 6x4x5 -OutputShape 3x2x2 -KeepRatio 0.4 -BatchSize 4 -Runs 2 | ForEach-Object { \"$($_.Method) $($_.Ranks)\".Trim() }");
        Assert.Equal(["Contraction", "Cp", "Tucker", "TensorTrain"], results.Select(r => r.GetString()!.Split(' ')[0]));
        Assert.Equal("6 x 4 x 5 to 10 as Tucker 2 x 2 x 2 x 2", session.One(_sandbox, "(Measure-LayerSpeed -InputShape 6x4x5 -OutputShape 10 -Method Tucker -Rank 2 -Runs 2).ToString()").GetString());
        foreach (string wrong in new[] { "4x4 -Method Contraction", "-InputShape 6x4 -OutputShape 10 -Method Contraction", "-InputShape 6x4 -OutputShape 10 -Method SpatialSvd", "-InputShape 6x -OutputShape 10" })
            Assert.Equal("OptionInvalid", (session.Run(_sandbox, $"Measure-LayerSpeed {wrong}") is var reply && reply.Thrown is { } thrown ? thrown : Assert.Single(reply.Errors)).Id.Split(',')[0]);
    }

    [PwshFact]
    public void Layers_of_which_none_is_linear_are_an_error()
    {
        Reply reply = session.Run(_sandbox, "Get-LayerShapes models/tiny.safetensors -Kind Bias | Measure-LayerSpeed");
        Assert.Equal(["LayerNotFound"], reply.ErrorIds);
        Assert.Empty(reply.Output);
        Assert.Empty(session.All(_sandbox, "@() | Measure-LayerSpeed"));
    }

    [PwshTheory]
    [InlineData("-Rank 0")]
    [InlineData("-BatchSize 0")]
    [InlineData("-Runs 0")]
    public void Numbers_out_of_range_are_refused(string option)
    {
        Assert.StartsWith("ParameterArgumentValidationError,", session.Run(_sandbox, $"Measure-LayerSpeed 8x8 {option}").Thrown?.Id, StringComparison.Ordinal);
    }

    [PwshFact]
    public void A_stopped_pipeline_ends_the_measurement()
    {
        JsonElement state = session.One(_sandbox, """
            $shell = [powershell]::Create()
            $null = $shell.AddScript('Import-Module $env:LOWRANK_MANIFEST; "started"; Measure-LayerSpeed 4096x4096 -BatchSize 2048 -Runs 100000')
            $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $run = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
            while ($output.Count -eq 0 -and -not $run.IsCompleted) { Start-Sleep -Milliseconds 5 }
            $shell.Stop()
            "$($shell.InvocationStateInfo.State) $($output.Count)"
            """);
        Assert.Equal("Stopped 1", state.GetString());
    }
}
