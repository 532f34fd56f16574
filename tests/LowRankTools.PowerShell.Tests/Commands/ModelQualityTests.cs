using System.Text.Json;
using LowRankTools.Core.Architectures;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Texts, calibrations, trainings and judgements by cmdlets.</summary>
public sealed class ModelQualityTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private const string Model = """
        $null = New-TransformerModel gpt2-tiny gpt
        1..40 | ForEach-Object { ((1..10 | ForEach-Object { Get-Random -Maximum 200 }) -join ' ') } | Set-Content tokens.txt

        """;

    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Models_of_a_pipeline_are_judged_one_by_one_and_a_bad_one_is_its_own_error()
    {
        Reply reply = session.Run(_sandbox, Model + """
            $small = Invoke-LowRankFactorization gpt -Rank 8
            @($small.Path, 'models/tiny.safetensors', 'gpt') | Measure-ModelQuality -ReferencePath gpt -TokenPath tokens.txt
            """);
        Assert.Equal(["ConfigNotFound"], reply.ErrorIds);
        Assert.Equal(2, reply.Output.Count);
        Assert.Equal(reply.Output[1].GetProperty("ReferencePerplexity").GetDouble(), reply.Output[1].GetProperty("Perplexity").GetDouble());
        Assert.NotEqual(1, reply.Output[0].GetProperty("Kept").GetDouble());
    }

    [PwshFact]
    public void A_text_is_tokenized_by_the_models_own_words()
    {
        JsonElement quality = session.One(_sandbox, """
            $null = New-TransformerModel bert-tiny bert
            '[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'rain', 'fell', '##s' | Set-Content bert/vocab.txt
            'Rain fell', '', 'rains' | Set-Content text.txt
            Measure-ModelQuality bert bert -TextPath text.txt
            """);
        Assert.Equal((2, 8), (quality.GetProperty("Lines").GetInt32(), quality.GetProperty("Tokens").GetInt32()));
        Assert.Equal(1, quality.GetProperty("MeanCosine").GetDouble(), 1e-9);
    }

    [PwshFact]
    public void A_text_with_accents_is_the_tokens_of_the_plain_one()
    {
        // The console program is held to the same ids.
        IReadOnlyList<JsonElement> qualities = session.All(_sandbox, """
            $null = New-TransformerModel bert-tiny bert
            '[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'creme', 'brulee', 'angstrom', '한' | Set-Content bert/vocab.txt
            'Crème brûlée Ångström' | Set-Content text.txt
            '2 5 6 7 3' | Set-Content tokens.txt
            $small = Invoke-LowRankFactorization bert -Rank 8
            $small | Measure-ModelQuality -ReferencePath bert -TextPath text.txt
            $small | Measure-ModelQuality -ReferencePath bert -TokenPath tokens.txt
            """);
        Assert.Equal(5, qualities[0].GetProperty("Tokens").GetInt32());
        Assert.Equal(qualities[1].GetProperty("MeanCosine").GetDouble(), qualities[0].GetProperty("MeanCosine").GetDouble());
    }

    [PwshFact]
    public void Classifiers_are_judged_by_labels()
    {
        new ModelFolder(new BertConfig { Vocabulary = 200, Width = 16, Depth = 1, Heads = 2, Hidden = 32, Labels = 2 }).Write(_sandbox["bert"]);
        JsonElement quality = session.One(_sandbox, """
            1..20 | ForEach-Object { ((1..8 | ForEach-Object { Get-Random -Maximum 200 }) -join ' ') } | Set-Content tokens.txt
            1..20 | ForEach-Object { $_ % 2 } | Set-Content labels.txt
            Invoke-LowRankFactorization bert -Rank 4 | Measure-ModelQuality -ReferencePath bert -TokenPath tokens.txt -LabelPath labels.txt
            """);
        Assert.All((string[])["Agreement", "Accuracy", "ReferenceAccuracy"], name => Assert.InRange(quality.GetProperty(name).GetDouble(), 0, 1));
        Assert.Equal(_sandbox["labels.txt"], quality.GetProperty("Labels").GetString());
    }

    [PwshFact]
    public void A_calibration_that_was_stopped_goes_on_from_its_checkpoint()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, Model + """
            Export-LowRankCalibration gpt -TokenPath tokens.txt -BatchSize 4 -OutputPath through.safetensors -CheckpointPath saved.safetensors -CheckpointEvery 2
            Test-Path saved.safetensors
            Export-LowRankCalibration gpt -TokenPath tokens.txt -BatchSize 4 -OutputPath again.safetensors
            (Get-FileHash through.safetensors).Hash -eq (Get-FileHash again.safetensors).Hash
            """);
        Assert.Equal(0, output[0].GetProperty("ResumedAt").GetInt32());
        Assert.False(output[1].GetBoolean());
        Assert.True(output[3].GetBoolean());
    }

    [PwshFact]
    public void Narrower_models_are_judged_and_those_that_cannot_be_are_their_own_errors()
    {
        Reply reply = session.Run(_sandbox, Model + """
            $null = Export-LowRankCalibration gpt -TokenPath tokens.txt
            $narrow = 'models/tiny.safetensors', 'gpt' | Resize-TransformerModel -Calibration gpt.calibration.safetensors -KeepRatio 0.9
            $narrow
            $narrow | Measure-ModelQuality -ReferencePath gpt -TokenPath tokens.txt
            """);
        Assert.Equal(["FeedForwardNotFound"], reply.ErrorIds);
        Assert.Equal((512, 461, 2), (reply.Output[0].GetProperty("HiddenBefore").GetInt32(), reply.Output[0].GetProperty("Hidden").GetInt32(), reply.Output[0].GetProperty("Parts").GetArrayLength()));
        Assert.Equal(reply.Output[0].GetProperty("Parameters").GetInt64(), reply.Output[1].GetProperty("Parameters").GetInt64());
    }

    [PwshFact]
    public void Heads_get_narrower_by_values_of_the_pipeline_and_are_shown()
    {
        Reply reply = session.Run(_sandbox, Model + """
            $null = New-TransformerModel llama-tiny llama
            $null = Export-LowRankCalibration llama -TokenPath tokens.txt
            $narrow = Get-Item llama | Resize-TransformerModel -Calibration llama.calibration.safetensors -HeadSize 48 -HiddenSize 256
            $narrow
            $narrow | Measure-ModelQuality -ReferencePath llama -TokenPath tokens.txt
            ($narrow | Format-Table | Out-String) -match '\b256\s+48\b'
            ($narrow.Parts | Format-Table | Out-String) -match 'LostScores'
            """);
        Assert.Empty(reply.ErrorIds);
        Assert.Equal((64, 48, 48, 8), (reply.Output[0].GetProperty("HeadSizeBefore").GetInt32(), reply.Output[0].GetProperty("HeadSize").GetInt32(), reply.Output[0].GetProperty("ValueSize").GetInt32(), reply.Output[0].GetProperty("Parts").GetArrayLength()));
        Assert.Equal(reply.Output[0].GetProperty("Parameters").GetInt64(), reply.Output[1].GetProperty("Parameters").GetInt64());
        Assert.True(reply.Output[2].GetBoolean());
        Assert.True(reply.Output[3].GetBoolean());
    }

    [PwshFact]
    public void Adapters_of_a_pipeline_of_models_are_trained_and_merged_and_a_bad_model_is_its_own_error()
    {
        Reply reply = session.Run(_sandbox, Model + """
            $trained = 'models/tiny.safetensors', 'gpt' | Optimize-LoraAdapter -Rank 4 -TokenPath tokens.txt -Steps 8 -LearningRate 0.01 -Dora
            $trained | Merge-LoraAdapter -BasePath gpt | Measure-ModelQuality -ReferencePath gpt -TokenPath tokens.txt
            Optimize-LoraAdapter gpt $trained.Path -TokenPath tokens.txt -Steps 2 -PassThru | Select-Object -ExpandProperty Name
            """);
        Assert.Equal(["ConfigNotFound"], reply.ErrorIds);
        Assert.True(reply.Output[0].GetProperty("Perplexity").GetDouble() < reply.Output[0].GetProperty("ReferencePerplexity").GetDouble());
        Assert.Equal("adapter_model.safetensors", reply.Output[1].GetString());
    }

    [PwshTheory]
    [InlineData("Resize-TransformerModel gpt none.safetensors -KeepRatio 0.5", "PathNotFound")]
    [InlineData("Resize-TransformerModel gpt calibration.safetensors -KeepRatio 0.5", "CalibrationUnmatched")]
    [InlineData("Resize-TransformerModel gpt calibration.safetensors", "OptionInvalid")]
    [InlineData("Resize-TransformerModel gpt calibration.safetensors -HeadSize 7", "OptionInvalid")]
    [InlineData("Resize-TransformerModel gpt calibration.safetensors -HeadSize 8", "HeadSizeUnsupported")]
    [InlineData("Measure-ModelQuality gpt gpt -TokenPath tokens.txt -LabelPath tokens.txt", "InputInvalid")]
    [InlineData("Export-LowRankCalibration gpt -TokenPath tokens.txt -OutputPath a.safetensors -CheckpointPath a.safetensors", "OptionInvalid")]
    [InlineData("New-LoraAdapter gpt 4 -Dora -OutputPath a.safetensors", "OptionInvalid")]
    [InlineData("Measure-ModelQuality gpt gpt", "OptionInvalid")]
    [InlineData("Measure-ModelQuality gpt gpt -SampleCount 2", "OptionInvalid")]
    [InlineData("Measure-ModelQuality graphs/net.onnx graphs/net.onnx -TokenPath tokens.txt -Seed 1", "OptionInvalid")]
    [InlineData("Measure-ModelQuality graphs/net.onnx graphs/net.onnx -InputPath none.safetensors", "PathNotFound")]
    [InlineData("Measure-ModelQuality graphs/net.onnx graphs/net.onnx -InputShape @{ x = 'wide' }", "OptionInvalid")]
    [InlineData("Measure-ModelQuality gpt gpt -TokenPath none.txt", "PathNotFound")]
    [InlineData("Measure-ModelQuality gpt gpt -TextPath tokens.txt", "TokenizerNotFound")]
    [InlineData("Measure-ModelQuality gpt gpt -TokenPath gpt/config.json", "TextInvalid")]
    [InlineData("Export-LowRankCalibration gpt -TokenPath tokens.txt -HeldOut 1", "OptionInvalid")]
    [InlineData("Optimize-LowRankModel gpt gpt -TokenPath tokens.txt", "NoFactorsFound")]
    [InlineData("Optimize-LoraAdapter gpt -TokenPath tokens.txt", "OptionInvalid")]
    [InlineData("Optimize-LoraAdapter gpt gpt -TokenPath tokens.txt", "NotAnAdapter")]
    [InlineData("Optimize-LoraAdapter models/tiny.safetensors -Rank 2 -TokenPath tokens.txt", "ConfigNotFound")]
    [InlineData("Optimize-LoraAdapter gpt -Rank 2 -TokenPath tokens.txt -LabelPath tokens.txt", "InputInvalid")]
    [InlineData("Compress-LowRankModel gpt 2 -TokenPath tokens.txt", "OptionInvalid")]
    [InlineData("New-LoraAdapter gpt 4000", "RankExceedsLayer")]
    public void Wrong_requests_have_ids(string command, string id)
    {
        Reply reply = session.Run(_sandbox, Model + command);
        Assert.Equal([id], reply.Thrown is { } thrown ? [thrown.Id.Split(',')[0]] : reply.ErrorIds);
    }

    [PwshFact]
    public void What_if_writes_nothing_anywhere()
    {
        session.Run(_sandbox, Model + "$null = Invoke-LowRankFactorization gpt -Rank 8");
        string before = _sandbox.Fingerprint();
        JsonElement[] planned = [.. session.All(_sandbox, """
            Export-LowRankCalibration gpt -TokenPath tokens.txt -WhatIf
            Optimize-LowRankModel gpt-lowrank gpt -TokenPath tokens.txt -WhatIf
            New-LoraAdapter gpt 4 -WhatIf
            Optimize-LoraAdapter gpt -Rank 4 -TokenPath tokens.txt -WhatIf
            Compress-LowRankModel gpt 0.5 -TokenPath tokens.txt -WhatIf
            """)];
        Assert.Equal(4, planned.Length);
        Assert.All(planned, p => Assert.False(p.GetProperty("Written").GetBoolean()));
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void The_protocol_of_a_compression_is_an_object()
    {
        JsonElement result = session.One(_sandbox, Model + "Get-Item gpt | Compress-LowRankModel -KeepRatio 0.5 -TokenPath tokens.txt -OutputPath out -Steps 2 -Trials 4");
        Assert.Equal((32, 4, 4), (result.GetProperty("Lines").GetInt32(), result.GetProperty("SelectionLines").GetInt32(), result.GetProperty("JudgedLines").GetInt32()));
        Assert.Equal(4, result.GetProperty("Measurement").GetProperty("Trials").GetInt32());
        Assert.Equal(["Calibrate", "Plan", "Factorize", "Judge", "Train", "Judge"], result.GetProperty("Steps").EnumerateArray().Select(s => s.GetProperty("Name").GetString()));
        Assert.True(File.Exists(result.GetProperty("Path").GetString()) && File.Exists(result.GetProperty("Calibration").GetString()));
        Assert.InRange(result.GetProperty("KeptRatio").GetDouble(), 0.4, 0.5);
    }
}
