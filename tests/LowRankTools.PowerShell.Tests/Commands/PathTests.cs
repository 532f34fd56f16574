using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Ways to name a model, the same for every cmdlet that takes paths.</summary>
public sealed class PathTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Relative_paths_are_relative_to_the_session_not_the_process()
    {
        Assert.Equal(["tiny"], Names("Set-Location models; Measure-ParameterCount ./tiny.safetensors"));
        Assert.Equal(["mini"], Names("Set-Location models/mini; Measure-ParameterCount ."));
    }

    [PwshFact]
    public void Output_paths_are_relative_to_the_session_too()
    {
        session.All(_sandbox, "Set-Location models; Invoke-LowRankFactorization tiny.safetensors -Rank 2 -OutputPath out.safetensors");
        Assert.True(_sandbox.Exists("models/out.safetensors"));
    }

    [PwshFact]
    public void Brackets_are_a_pattern_in_a_path_and_letters_in_a_literal_path()
    {
        _sandbox.WriteTiny("m[1].safetensors");
        _sandbox.WriteTiny("m1.safetensors");
        Assert.Equal(["m1"], Names("Measure-ParameterCount -Path 'm[1].safetensors'"));
        Assert.Equal(["m[1]"], Names("Measure-ParameterCount -LiteralPath 'm[1].safetensors'"));
        Assert.Equal(["m[1]"], Names("Measure-ParameterCount -Path 'm`[1`].safetensors'"));
    }

    [PwshFact]
    public void Brackets_survive_every_pipeline()
    {
        _sandbox.WriteTiny("m[1].safetensors");
        _sandbox.WriteTiny("m1.safetensors");
        Assert.Equal(["m[1]"], Names("Get-Item -LiteralPath 'm[1].safetensors' | Measure-ParameterCount"));
        Assert.Equal(["m[1]"], Names("Measure-ParameterCount -LiteralPath 'm[1].safetensors' | Measure-ParameterCount"));
        Assert.Equal(["m[1]"], Names("Get-LayerShapes -LiteralPath 'm[1].safetensors' | Invoke-LowRankFactorization -Rank 2 -WhatIf"));
        Assert.Equal(["m[1]"], Names("'m[1].safetensors' | Measure-ParameterCount"));
    }

    [PwshFact]
    public void Output_folders_may_have_brackets()
    {
        session.All(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 2 -OutputPath 'out[1]'");
        Assert.True(_sandbox.Exists("out[1]/tiny/model.safetensors"));
    }

    [PwshFact]
    public void Drives_of_the_session_are_followed_for_input_and_output()
    {
        JsonElement result = session.One(_sandbox, """
            $null = New-PSDrive -Name weights -PSProvider FileSystem -Root ./models -Scope Global
            try { Invoke-LowRankFactorization weights:/tiny.safetensors -Rank 2 -OutputPath weights:/small }
            finally { Remove-PSDrive weights -Scope Global }
            """);
        Assert.Equal(_sandbox["models/tiny.safetensors"], result.GetProperty("Source").GetString());
        Assert.True(_sandbox.Exists("models/small/tiny/model.safetensors"));
    }

    [PwshFact]
    public void A_wildcard_leaves_out_what_is_no_model()
    {
        _sandbox.WriteText("models/readme.md", "text");
        _sandbox.WriteText("models/empty/readme.md", "text");
        Assert.Equal(["mini", "tiny"], Names("Measure-ParameterCount models/*").Order());
    }

    [PwshFact]
    public void A_listing_leaves_out_what_is_no_model_unless_that_is_all_there_is()
    {
        _sandbox.WriteText("models/readme.md", "text");
        _sandbox.WriteText("models/empty/readme.md", "text");
        Assert.Equal(["mini", "tiny"], Names("Get-ChildItem models | Measure-ParameterCount").Order());
        Reply reply = session.Run(_sandbox, "Get-ChildItem models/readme.md, models/empty | Measure-ParameterCount");
        Assert.Equal(["NoModelsFound"], reply.ErrorIds);
    }

    [PwshFact]
    public void A_wildcard_that_finds_nothing_is_no_error()
    {
        Assert.Empty(session.All(_sandbox, "Measure-ParameterCount models/*.gguf"));
    }

    [PwshFact]
    public void Paths_with_blanks_quotes_and_letters_of_any_script_work()
    {
        _sandbox.WriteTiny("my model's Gewichte ü 模型.safetensors");
        Assert.Equal(["my model's Gewichte ü 模型"], Names("Get-ChildItem my*.safetensors | Measure-ParameterCount"));
    }

    [PwshFact]
    public void Lines_of_a_file_are_paths()
    {
        _sandbox.WriteText("list.txt", "models/tiny.safetensors\nmodels/mini\n");
        Assert.Equal(["tiny", "mini"], Names("Get-Content list.txt | Measure-ParameterCount"));
    }

    [PwshFact]
    public void Any_object_with_a_Path_will_do()
    {
        _sandbox.WriteText("list.csv", "Path,Why\nmodels/tiny.safetensors,test\n");
        Assert.Equal(["tiny"], Names("Import-Csv list.csv | Measure-ParameterCount"));
    }

    [PwshTheory]
    [InlineData("-Path Variable:/HOME")]
    [InlineData("-LiteralPath Env:/PATH")]
    public void Other_providers_are_refused(string path)
    {
        Reply reply = session.Run(_sandbox, $"Measure-ParameterCount {path}");
        Assert.Equal(["PathNotFileSystem"], reply.ErrorIds);
    }

    [PwshFact]
    public void Output_on_another_provider_stops_the_command()
    {
        Reply reply = session.Run(_sandbox, "Invoke-LowRankFactorization models/tiny.safetensors -Rank 2 -OutputPath Env:/out");
        Assert.StartsWith("PathNotFileSystem,", reply.Thrown?.Id, StringComparison.Ordinal);
    }

    private IEnumerable<string?> Names(string script) => session.All(_sandbox, script).Select(l => l.GetProperty("Name").GetString());
}
