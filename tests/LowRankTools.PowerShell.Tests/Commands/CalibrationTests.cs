using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class CalibrationTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void A_calibrated_pair_is_better_on_its_inputs_and_layers_without_inputs_are_named()
    {
        JsonElement result = session.One(_sandbox, "Invoke-LowRankFactorization models/mini -Rank 6 -Calibration calibration.safetensors -OutputPath out -WarningAction SilentlyContinue");
        Assert.Equal(3, result.GetProperty("Uncalibrated").GetArrayLength());
        Dictionary<string, JsonElement> layers = result.GetProperty("Layers").EnumerateArray().ToDictionary(l => l.GetProperty("Name").GetString()!);
        JsonElement up = layers["layer.mlp.up.weight"];
        Assert.True(up.GetProperty("CalibratedError").GetDouble() < up.GetProperty("RelativeError").GetDouble());
        Assert.True(up.GetProperty("CalibratedError").GetDouble() < up.GetProperty("HeldOutError").GetDouble());
        Assert.Equal(JsonValueKind.Null, layers["layer.attention.q.weight"].GetProperty("CalibratedError").ValueKind);
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/mini -Rank 6 -Calibration calibration.safetensors -OutputPath out -Force");
        Assert.Contains("layer.attention.q.weight", Assert.Single(reply.Warnings), StringComparison.Ordinal);
    }

    [PwshFact]
    public void Each_way_of_calibrating_gives_another_model()
    {
        string[] errors = [.. new[] { "", "-CalibrationMode Diagonal", "-CalibrationMode Diagonal -CalibrationRefit" }.Select(options => session
            .One(_sandbox, $"(Invoke-LowRankFactorization models/mini -Rank 6 -Include *.up -Calibration calibration.safetensors {options} -OutputPath out -Force).Layers[4].CalibratedError").ToString())];
        double[] values = [.. errors.Select(e => double.Parse(e, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.True(values[0] < values[2] && values[2] < values[1], string.Join(' ', errors));
    }

    [PwshTheory]
    [InlineData("-Calibration models/tiny.safetensors", "CalibrationInvalid")]
    [InlineData("-Calibration none.safetensors", "PathNotFound")]
    [InlineData("-CalibrationMode Diagonal", "OptionInvalid")]
    [InlineData("-CalibrationRefit", "OptionInvalid")]
    [InlineData("-Include *.q -Calibration calibration.safetensors", "CalibrationUnmatched")]
    public void What_cannot_be_calibrated_with_is_one_error(string options, string id)
    {
        Reply reply = session.Run(_sandbox, $"Invoke-LowRankFactorization models/mini -Rank 6 {options} -OutputPath out");
        Assert.StartsWith(id, (reply.Thrown ?? Assert.Single(reply.Errors)).Id, StringComparison.Ordinal);
        Assert.False(_sandbox.Exists("out"));
    }
}
