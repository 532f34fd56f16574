using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Views;

/// <summary>Results in the hands of PowerShell's own cmdlets: they group, sort, select and export as they are shown.</summary>
public sealed class ObjectTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Where-Object Shape -eq '32 x 32'", 3)]
    [InlineData("Where-Object Shape -eq 32x32", 3)]
    [InlineData("Where-Object Shape -like '32 x *'", 4)]
    [InlineData("Where-Object { $_.Shape -gt '32 x 32' }", 3)]
    [InlineData("Group-Object Shape", 6)]
    [InlineData("Select-Object Shape -Unique", 6)]
    public void Shapes_are_values(string script, int count)
    {
        Assert.Equal(count, session.All(_sandbox, $"Get-LayerShapes models/mini | {script} | ForEach-Object {{ 1 }}").Count);
    }

    [PwshFact]
    public void Shapes_sort_by_their_sizes()
    {
        Assert.Equal("32; 128; 32 x 32; 32 x 128; 96 x 32; 128 x 32", session.Text(_sandbox, "(Get-LayerShapes models/mini | Sort-Object Shape -Unique | ForEach-Object Shape) -join '; '"));
    }

    [PwshTheory]
    [InlineData("Get-LayerShapes models/tiny.safetensors")]
    [InlineData("Measure-ParameterCount models/tiny.safetensors")]
    [InlineData("New-TransformerModel llama-tiny l | Measure-ModelMemory")]
    [InlineData("$r = Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath r -Force; $r; $r.Layers")]
    [InlineData("Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath m -Force | Merge-LowRankFactor -WhatIf")]
    [InlineData("Compare-ModelWeight models/tiny.safetensors tuned.safetensors")]
    [InlineData("Merge-LoraAdapter adapters/style models/tiny.safetensors -WhatIf")]
    [InlineData("$r = Resize-LoraAdapter adapters/style -Rank 2 -WhatIf; $r; $r.Modules")]
    [InlineData("Test-LoraAdapter adapters/style models/tiny.safetensors")]
    [InlineData("Get-LayerSpectrum models/tiny.safetensors")]
    [InlineData("$p = New-RankPlan models/tiny.safetensors -Rank 4; $p; $p.Layers")]
    [InlineData("Get-LowRankEngine")]
    public void Every_title_of_a_table_names_a_property(string script)
    {
        Assert.Equal("", session.Text(_sandbox, $$"""
            & { {{script}} } | ForEach-Object {
                $titles = (($_ | Format-Table | Out-String -Width 200) -split '\r?\n' | Where-Object { $_ -match '^[A-Z]\S+( +[A-Z]\S+)+ *$' } | Select-Object -First 1) -split ' +' | Where-Object { $_ }
                foreach ($title in $titles) { if (-not $_.PSObject.Properties[$title]) { "$($_.GetType().Name).$title" } }
            } | Sort-Object -Unique | Out-String
            """));
    }

    [PwshFact]
    public void What_a_table_shows_can_be_sorted_and_selected()
    {
        JsonElement layer = session.One(_sandbox, "New-RankPlan models/mini -TargetReduction 2 | ForEach-Object Layers | Sort-Object Error -Descending | Select-Object Before, Error -First 1");
        Assert.True(layer.GetProperty("Before").GetInt64() > 0);
        Assert.True(layer.GetProperty("Error").GetDouble() > 0);
    }

    [PwshTheory]
    [InlineData("Get-LayerShapes models/tiny.safetensors")]
    [InlineData("Measure-ParameterCount models/tiny.safetensors -Detailed")]
    [InlineData("New-TransformerModel llama-tiny l | Measure-ModelMemory")]
    [InlineData("Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -WhatIf")]
    [InlineData("Compare-ModelWeight models/tiny.safetensors tuned.safetensors")]
    [InlineData("Get-LayerSpectrum models/tiny.safetensors")]
    [InlineData("New-RankPlan models/tiny.safetensors -Rank 4")]
    public void Exports_and_texts_hold_no_dumps(string script)
    {
        string text = session.Text(_sandbox, $"$all = @({script}); ($all | ConvertTo-Csv | Out-String) + ($all | ForEach-Object {{ \"$_\" }} | Out-String)");
        Assert.DoesNotContain("`", text, StringComparison.Ordinal);
        Assert.DoesNotContain("[]", text, StringComparison.Ordinal);
        Assert.DoesNotContain(" = ", text, StringComparison.Ordinal);
        Assert.DoesNotContain("LowRankTools.", text, StringComparison.Ordinal);
    }

    [PwshFact]
    public void Figures_that_come_late_keep_their_digits()
    {
        _sandbox.WriteModel("large.safetensors", ("a.weight", [1500, 800]), ("b.weight", [900, 700]));
        foreach (int width in (int[])[80, 120])
        {
            string text = session.Text(_sandbox, $"& {{ Measure-ParameterCount models/tiny.safetensors; Start-Sleep -Milliseconds 900; Measure-ParameterCount models/mini; Measure-ParameterCount large.safetensors }} | Out-String -Width {width}");
            Assert.Contains("1,830,000", text, StringComparison.Ordinal);
            Assert.DoesNotMatch(" \u2026[0-9,.]", text);
        }
    }

    [PwshTheory]
    [InlineData("Get-LayerShapes $m")]
    [InlineData("Measure-ParameterCount $m")]
    [InlineData("New-TransformerModel llama-tiny a-model-of-which-the-name-says-how-it-was-trained | Measure-ModelMemory")]
    [InlineData("New-RankPlan $m -KeepRatio 0.5")]
    [InlineData("(New-RankPlan $m -KeepRatio 0.5).Layers")]
    [InlineData("Get-LayerSpectrum $m")]
    [InlineData("Invoke-LowRankFactorization $m -KeepRatio 0.5 -Force")]
    [InlineData("(Invoke-LowRankFactorization $m -KeepRatio 0.5 -Force).Layers")]
    [InlineData("Invoke-LowRankFactorization $m -KeepRatio 0.5 -Force | Merge-LowRankFactor -Force")]
    [InlineData("Invoke-LowRankFactorization $m -KeepRatio 0.5 -Force | Compare-ModelWeight $m")]
    public void Long_names_leave_room_for_every_column_at_80(string command)
    {
        const string name = "a-model-of-which-the-name-says-how-it-was-trained-and-when.safetensors";
        _sandbox.WriteModel(name, ("model.decoder.layers.11.encoder_attention.q_proj.weight", [400, 300]), ("model.decoder.layers.11.encoder_attention.out_proj.weight", [300, 200]));
        string text = session.Text(_sandbox, $$"""
            $m = '{{name}}'
            $made = @({{command}})
            $titles = (Get-FormatData $made[0].PSTypeNames[0]).FormatViewDefinition[0].Control.Headers.Label -join '|'
            # A console of 80 columns has its tables in 79.
            $env:COLUMNS = 80
            try { $titles + "`n" + ($made | Format-Table | Out-String -Width 79) } finally { $env:COLUMNS = $null }
            """);
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        string titles = lines[Array.FindIndex(lines, l => l.StartsWith("----", StringComparison.Ordinal)) - 1];
        // A title without room goes down the page letter by letter, and a figure without room loses its first digits.
        Assert.All(lines[0].Split('|'), title => Assert.Contains(title, titles, StringComparison.Ordinal));
        Assert.DoesNotMatch(" \u2026[0-9,.]", text);
        // Rows stay apart.
        string[] rows = [.. lines.Skip(Array.IndexOf(lines, titles) + 2).Where(l => l.Contains("weight", StringComparison.Ordinal)).Select(l => l.Split(' ')[0])];
        Assert.Equal(rows.Distinct(), rows);
    }

    [PwshTheory]
    [InlineData("9999")]
    [InlineData("0")]
    [InlineData("-3")]
    public void A_rank_that_no_layer_has_is_refused_where_it_is_assigned(string rank)
    {
        Reply reply = session.Run(_sandbox, $"$p = New-RankPlan models/tiny.safetensors -Rank 4; try {{ $p.Layers[0].Rank = {rank} }} catch {{ $_.Exception.InnerException.ErrorId }}; $p.Layers[0].Rank");
        Assert.Equal(["RankExceedsLayer", "4"], reply.Output.Select(o => o.ToString()));
    }

    [PwshTheory]
    [InlineData("")]
    [InlineData("-Depth 5")]
    [InlineData("-EnumsAsStrings")]
    public void A_plan_that_PowerShell_writes_as_JSON_can_be_imported(string options)
    {
        JsonElement ranks = session.One(_sandbox, $"New-RankPlan models/mini -TargetReduction 2 -OutVariable p | ConvertTo-Json {options} -WarningAction Ignore | Set-Content p.json; $q = Import-RankPlan p.json; \"$($q.Layers.Rank)|$($p[0].Layers.Rank)|$($q.Layers[0].Shape)\"");
        string[] parts = ranks.GetString()!.Split('|');
        Assert.Equal(parts[1], parts[0]);
        Assert.Equal("96 x 32", parts[2]);
    }

    [PwshFact]
    public void What_is_passed_through_is_an_item_of_the_provider()
    {
        Assert.Equal([true, true], session.All(_sandbox, """
            $null -ne (Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath out -PassThru).PSPath
            $null -ne (New-RankPlan models/tiny.safetensors -Rank 4 | Export-RankPlan -Path p.json).PSPath
            """).Select(o => o.GetBoolean()));
    }

    [PwshFact]
    public void FullName_names_a_model()
    {
        Assert.Equal("tiny", session.One(_sandbox, "[pscustomobject]@{ FullName = (Resolve-Path models/tiny.safetensors).ProviderPath } | Measure-ParameterCount").GetProperty("Name").GetString());
    }

    [PwshTheory]
    [InlineData("Invoke-LowRankFactorization models/mini -Rank 4 -Include nothing* -OutputPath out")]
    [InlineData("New-RankPlan models/mini -Rank 4 -Include nothing*")]
    public void Patterns_that_match_nothing_are_an_error_and_nothing_is_written(string script)
    {
        Reply reply = session.Run(_sandbox, script);
        Assert.Equal(["LayerNotFound"], reply.ErrorIds);
        Assert.False(_sandbox.Exists("out"));
    }
}
