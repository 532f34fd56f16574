using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class LoraAdapterTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void What_is_merged_and_exported_is_the_adapter_again()
    {
        JsonElement result = session.One(_sandbox, "Merge-LoraAdapter adapters/style models/tiny.safetensors -OutputPath m.safetensors | Export-LoraAdapter -BasePath models/tiny.safetensors -Rank 4");
        Assert.InRange(result.GetProperty("RelativeError").GetDouble(), 0, 1e-5);
        Assert.Equal(["fc1", "fc2"], result.GetProperty("Modules").EnumerateArray().Select(m => m.GetProperty("Name").GetString()));
        Assert.Empty(result.GetProperty("NotCarried").EnumerateArray());
        Assert.True(_sandbox.Exists("m-lora/adapter_config.json"));
    }

    [PwshFact]
    public void Merging_one_after_the_other_is_merging_the_joined_one()
    {
        IReadOnlyList<JsonElement> differences = session.All(_sandbox, """
            $first = Merge-LoraAdapter adapters/style models/tiny.safetensors -OutputPath one.safetensors
            Merge-LoraAdapter adapters/pose $first.Path -Weight 0.5 -OutputPath two.safetensors | Out-Null
            Join-LoraAdapter adapters/style, adapters/pose -Weight 1, 0.5 -OutputPath both | Merge-LoraAdapter -BasePath models/tiny.safetensors -OutputPath joined.safetensors |
                Compare-ModelWeight two.safetensors
            """);
        Assert.Equal(3, differences.Count);
        Assert.All(differences, d => Assert.InRange(d.GetProperty("RelativeError").GetDouble(), 0, 1e-6));
    }

    [PwshTheory]
    [InlineData("Merge-LoraAdapter adapters/style models/tiny.safetensors -WhatIf")]
    [InlineData("Resize-LoraAdapter adapters/style -Rank 2 -WhatIf")]
    [InlineData("Join-LoraAdapter adapters/style, adapters/pose -WhatIf")]
    [InlineData("Export-LoraAdapter tuned.safetensors models/tiny.safetensors -Rank 2 -WhatIf")]
    [InlineData("Convert-LoraAdapter chat/lora chat/base.gguf -Layout Gguf -WhatIf")]
    [InlineData("Test-LoraAdapter adapters/style models/tiny.safetensors")]
    public void Nothing_is_written_that_was_not_asked_for(string script)
    {
        string before = _sandbox.Fingerprint();
        Assert.Single(session.All(_sandbox, script));
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshTheory]
    [InlineData("Merge-LoraAdapter adapters/style models/mini", "AdapterDoesNotFit")]
    [InlineData("Merge-LoraAdapter models/mini models/tiny.safetensors", "NotAnAdapter")]
    [InlineData("Merge-LoraAdapter adapters/style nowhere", "PathNotFound")]
    [InlineData("Merge-LoraAdapter adapters/style models/tiny.safetensors -Weight 0", "OptionInvalid")]
    [InlineData("Merge-LoraAdapter adapters/style models/tiny.safetensors -OutputPath models/tiny.safetensors -Force", "OutputIsSource")]
    [InlineData("Resize-LoraAdapter adapters/style", "OptionInvalid")]
    [InlineData("Resize-LoraAdapter adapters/style -Rank 2 -Energy 0.5", "OptionInvalid")]
    [InlineData("Resize-LoraAdapter adapters/style -Energy 2", "OptionInvalid")]
    [InlineData("Resize-LoraAdapter adapters/style -Rank 2 -OutputPath adapters/style -Force", "OutputIsSource")]
    [InlineData("Join-LoraAdapter adapters/style, adapters/pose -Weight 1", "OptionInvalid")]
    [InlineData("Join-LoraAdapter adapters/style -Mode Svd", "OptionInvalid")]
    [InlineData("Join-LoraAdapter adapters/style, models/tiny.safetensors", "NotAnAdapter")]
    [InlineData("Export-LoraAdapter tuned.safetensors models/tiny.safetensors -Rank 1 -SigmaRatio 2 -ErrorAction Stop", "OptionInvalid")]
    [InlineData("Convert-LoraAdapter adapters/style -Layout Gguf", "OptionInvalid")]
    [InlineData("Convert-LoraAdapter adapters/style models/mini -Layout Kohya", "AdapterDoesNotFit")]
    [InlineData("Convert-LoraAdapter chat/loha.safetensors", "OptionInvalid")]
    [InlineData("Merge-LoraAdapter adapters/style chat/base.gguf", "AdapterDoesNotFit")]
    [InlineData("Export-LoraAdapter models/mini models/tiny.safetensors -Rank 2", "AdapterDoesNotFit")]
    [InlineData("Export-LoraAdapter models/tiny.safetensors tuned.safetensors -Rank 2 -Exclude fc1", "NothingToFactorize")]
    public void Bad_input_is_an_error_with_an_id_and_nothing_is_written(string script, string id)
    {
        string before = _sandbox.Fingerprint();
        Reply reply = session.Run(_sandbox, script);
        // Options that no input could do better with end the command; what is wrong with one adapter does not.
        Assert.Equal([id], reply.Thrown is { } thrown ? [thrown.Id.Split(',')[0]] : reply.ErrorIds);
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void A_sum_of_what_was_found_is_not_made_where_something_was_not()
    {
        Reply reply = session.Run(_sandbox, "Join-LoraAdapter adapters/style, adapters/pose, adapters/none -OutputPath sum");
        Assert.Single(reply.ErrorIds);
        Assert.False(_sandbox.Exists("sum"));
    }
}
