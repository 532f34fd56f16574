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
    public void A_file_of_ONNX_Runtime_merges_as_the_adapter_that_it_was_made_of()
    {
        JsonElement[] found = [.. session.All(_sandbox, """
            Convert-LoraAdapter adapters/style -OutputPath style.onnx_adapter
            $null = Merge-LoraAdapter adapters/style models/tiny.safetensors -OutputPath one.safetensors
            Merge-LoraAdapter style.onnx_adapter models/tiny.safetensors -OutputPath two.safetensors | Compare-ModelWeight -ReferencePath one.safetensors
            """)];
        Assert.Equal("OnnxRuntime", found[0].GetProperty("Layout").GetString());
        Assert.All(found.Skip(1), d => Assert.InRange(d.GetProperty("RelativeError").GetDouble(), 0, 1e-6));
    }

    [PwshFact]
    public void A_calibrated_export_does_more_of_what_the_difference_does()
    {
        JsonElement[] found = [.. session.All(_sandbox, """
            $null = New-TransformerModel gpt2-tiny gpt
            $null = New-TransformerModel gpt2-tiny tuned -Seed 1
            1..8 | ForEach-Object { $line = $_; (1..12 | ForEach-Object { ($line * 37 + $_ * 11) % 1024 }) -join ' ' } | Set-Content tokens.txt
            $null = Export-LowRankCalibration gpt -TokenPath tokens.txt -OutputPath seen.safetensors
            foreach ($mode in 'Full', 'Inputs', 'Diagonal') {
                Export-LoraAdapter tuned gpt -Rank 4 -Calibration seen.safetensors -CalibrationMode $mode -Include *.mlp.c_fc.* -OutputPath $mode -WarningAction Ignore
            }
            Export-LoraAdapter tuned gpt -Rank 4 -Include *.mlp.c_fc.* -OutputPath plain -WarningAction Ignore
            """)];
        double[] calibrated = [.. found.Take(3).Select(f => f.GetProperty("CalibratedError").GetDouble())], plain = [.. found.Select(f => f.GetProperty("RelativeError").GetDouble())];
        Assert.True(0 < calibrated[1] && calibrated[1] <= calibrated[0] && calibrated[1] < calibrated[2]);
        Assert.True(plain[3] < plain[1]);
        Assert.Equal(JsonValueKind.Null, found[3].GetProperty("CalibratedError").ValueKind);
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

    [PwshFact]
    public void Weights_in_a_small_file_of_lotr_out_and_answers_from_it()
    {
        JsonElement[] found = [.. session.All(_sandbox, """
            $null = New-TransformerModel gpt2-tiny gpt
            $null = New-TransformerModel gpt2-tiny tuned -Seed 1
            1..8 | ForEach-Object { ((1..12 | ForEach-Object { Get-Random -Maximum 1024 -SetSeed ($_ * 7) }) -join ' ') } | Set-Content tokens.txt
            $lotr = Export-LoraAdapter tuned gpt -Rank 16 -Layout Lotr -OutputPath lotr.safetensors -Exclude lm_head*, *wte* -WarningAction Ignore
            $lotr
            Test-LoraAdapter lotr.safetensors gpt
            Measure-ParameterCount lotr.safetensors
            Measure-ModelQuality gpt tuned -TokenPath tokens.txt
            Measure-ModelQuality gpt tuned -TokenPath tokens.txt -AdapterPath lotr.safetensors
            Merge-LoraAdapter lotr.safetensors gpt -OutputPath merged | Measure-ModelQuality -ReferencePath tuned -TokenPath tokens.txt
            $pairs = Convert-LoraAdapter lotr.safetensors -Layout Kohya -OutputPath pairs.safetensors
            Measure-ModelQuality gpt tuned -TokenPath tokens.txt -AdapterPath $pairs.Path
            """)];
        double[] perplexities = [.. found.Skip(3).Select(q => q.GetProperty("Perplexity").GetDouble())];
        Assert.Equal(found[0].GetProperty("Parameters").GetInt64(), found[2].GetProperty("Parameters").GetInt64());
        Assert.True(found[1].GetProperty("Fits").GetBoolean());
        Assert.True(new FileInfo(_sandbox["lotr.safetensors"]).Length * 10 < new FileInfo(_sandbox["gpt/model.safetensors"]).Length);
        // Beside the weights, merged into them and as plain pairs beside them the answers are the same, and not the base's.
        Assert.NotEqual(perplexities[0], perplexities[1], 1e-3 * perplexities[0]);
        Assert.All(perplexities[2..], p => Assert.Equal(perplexities[1], p, 1e-4 * p));
    }

    [PwshTheory]
    [InlineData("Merge-LoraAdapter adapters/style models/tiny.safetensors -WhatIf")]
    [InlineData("New-LoraAdapter models/tiny.safetensors 2 -Layout Lotr -WhatIf")]
    [InlineData("Convert-LoraAdapter adapters/style -Layout Lotr -Rank 2 -WhatIf")]
    [InlineData("Resize-LoraAdapter adapters/style -Rank 2 -WhatIf")]
    [InlineData("Join-LoraAdapter adapters/style, adapters/pose -WhatIf")]
    [InlineData("Export-LoraAdapter tuned.safetensors models/tiny.safetensors -Rank 2 -WhatIf")]
    [InlineData("Convert-LoraAdapter chat/lora chat/base.gguf -Layout Gguf -WhatIf")]
    [InlineData("Convert-LoraAdapter adapters/style -Layout OnnxRuntime -WhatIf")]
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
    [InlineData("Export-LoraAdapter tuned.safetensors models/tiny.safetensors -Rank 2 -CalibrationMode Full", "OptionInvalid")]
    [InlineData("Export-LoraAdapter tuned.safetensors models/tiny.safetensors -Rank 2 -Calibration nowhere", "PathNotFound")]
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
    [InlineData("Convert-LoraAdapter adapters/style -Layout Lotr", "OptionInvalid")]
    [InlineData("Resize-LoraAdapter adapters/style -Rank 2 -Layout Lotr", "OptionInvalid")]
    [InlineData("Export-LoraAdapter tuned.safetensors models/tiny.safetensors -Rank 2 -Layout Lotr -OutputPath tuned.safetensors -Force", "OutputIsSource")]
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
