namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Wrong input: one named error each, and the next model has its turn.</summary>
public sealed class BadInputTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Get-LayerShapes")]
    [InlineData("Measure-ParameterCount")]
    [InlineData("Invoke-LowRankFactorization -Rank 2 -OutputPath out")]
    [InlineData("Compare-ModelWeight models/tiny.safetensors")]
    public void The_pipeline_goes_on_after_bad_models(string command)
    {
        _sandbox.WriteText("damaged.safetensors", "\u0008\u0008\u0008\u0008\u0008\u0008\u0008\u0008 and so on");
        _sandbox.WriteText("notes.txt", "not a model");
        Reply reply = session.Run(_sandbox, $"'damaged.safetensors', 'missing.safetensors', 'notes.txt', 'models/tiny.safetensors' | {command}");
        Assert.Null(reply.Thrown);
        Assert.Equal(["HeaderTooLarge", "PathNotFound", "UnknownFormat"], reply.ErrorIds);
        Assert.NotEmpty(reply.Output);
    }

    [PwshTheory]
    [InlineData("missing.safetensors", "PathNotFound", "ObjectNotFound")]
    [InlineData("empty", "NoModelsFound", "ObjectNotFound")]
    [InlineData("nodrive:/x.safetensors", "PathNotFound", "ObjectNotFound")]
    [InlineData("noprovider::x.safetensors", "PathNotFileSystem", "InvalidArgument")]
    [InlineData("zero.safetensors", "HeaderTruncated", "InvalidData")]
    [InlineData("notes.txt", "UnknownFormat", "InvalidData")]
    public void What_is_wrong_has_an_id_a_category_and_a_target(string path, string id, string category)
    {
        Directory.CreateDirectory(_sandbox["empty"]);
        _sandbox.WriteText("zero.safetensors", "");
        _sandbox.WriteText("notes.txt", "not a model");
        Fault fault = Assert.Single(session.Run(_sandbox, $"Measure-ParameterCount -LiteralPath '{path}'").Errors);
        Assert.Equal($"{id},LowRankTools.PowerShell.Commands.MeasureParameterCountCommand", fault.Id);
        Assert.Equal(category, fault.Category);
        Assert.Contains(path, fault.Target, StringComparison.Ordinal);
    }

    [PwshFact]
    public void A_path_that_no_file_system_could_have_is_an_error()
    {
        Reply reply = session.Run(_sandbox, "\"a`0b\", 'models/tiny.safetensors' | Measure-ParameterCount; Measure-ParameterCount -LiteralPath \"a`0b\"");
        Assert.Single(reply.Output);
        Assert.Equal(["PathNotFound", "PathInvalid"], reply.ErrorIds);
    }

    [PwshFact]
    public void The_remedy_is_said_once()
    {
        Directory.CreateDirectory(_sandbox["empty"]);
        Fault fault = Assert.Single(session.Run(_sandbox, "Measure-ParameterCount empty").Errors);
        Assert.Contains("-Recurse", fault.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Remedy, fault.Message, StringComparison.Ordinal);
    }

    [PwshTheory]
    [InlineData("-KeepRatio 1.5", "OptionInvalid")]
    [InlineData("-KeepRatio NaN", "OptionInvalid")]
    [InlineData("-Energy 0", "OptionInvalid")]
    [InlineData("-Rank 2 -OutputPath x.pt -Format Safetensors", "OptionInvalid")]
    [InlineData("-Rank 2 -Format PyTorch -MaxShardSize 1GB", "OptionInvalid")]
    [InlineData("-Rank 0", "ParameterArgumentValidationError")]
    [InlineData("-Rank 2 -ThreadCount 0", "ParameterArgumentValidationError")]
    [InlineData("-Rank 2 -Split Up", "ParameterArgumentValidationError")]
    [InlineData("-Rank 2 -Format OnnxAdapter", "CannotConvertArgumentNoMessage")]
    [InlineData("-Rank 2 -KeepRatio 0.5", "OptionInvalid")]
    [InlineData("", "OptionInvalid")]
    [InlineData("-Rank 2 -OutputPath ''", "ParameterArgumentValidationError")]
    public void Options_that_no_model_could_satisfy_stop_the_command(string options, string id)
    {
        string before = _sandbox.Fingerprint();
        Reply reply = session.Run(_sandbox, $"'models/tiny.safetensors', 'models/mini' | Invoke-LowRankFactorization {options}");
        Assert.StartsWith(id + ",", reply.Thrown?.Id, StringComparison.Ordinal);
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshTheory]
    [InlineData("-Rank 2 -KeepRatio 0.5", "-Rank", "-KeepRatio")]
    [InlineData("-Energy 0.9 -Plan (New-RankPlan models/mini -Rank 2)", "-Energy", "-Plan")]
    public void Rules_that_contradict_each_other_are_named(string options, string first, string second)
    {
        Fault? thrown = session.Run(_sandbox, $"Invoke-LowRankFactorization models/mini {options}").Thrown;
        Assert.Contains(first + " and " + second, thrown?.Message, StringComparison.Ordinal);
    }

    [PwshFact]
    public void Weights_that_are_no_numbers_are_refused()
    {
        byte[] bytes = File.ReadAllBytes(_sandbox["models/tiny.safetensors"]);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - 4), float.NaN);
        File.WriteAllBytes(_sandbox["models/tiny.safetensors"], bytes);
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 2 -OutputPath out");
        Assert.Equal(["NonFiniteValues"], reply.ErrorIds);
        Assert.False(_sandbox.Exists("out"));
    }

    [PwshFact]
    public void Stop_as_error_action_ends_at_the_first_bad_model()
    {
        Reply reply = session.Run(_sandbox, "'missing.safetensors', 'models/tiny.safetensors' | Measure-ParameterCount -ErrorAction Stop");
        Assert.StartsWith("PathNotFound,", reply.Thrown?.Id, StringComparison.Ordinal);
        Assert.Empty(reply.Output);
    }
}
