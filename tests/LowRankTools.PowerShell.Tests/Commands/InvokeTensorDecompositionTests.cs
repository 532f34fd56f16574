using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Commands;

public sealed class InvokeTensorDecompositionTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("-Method TensorTrain -Tolerance 1e-5")]
    [InlineData("-Method Tucker -Tolerance 1e-5")]
    [InlineData("-Method Cp -Rank 5 -StartCount 4 -MaxIteration 2000")]
    public void Kernels_of_few_components_come_back_whole(string options)
    {
        IReadOnlyList<JsonElement> differences = session.All(_sandbox, $"Invoke-TensorDecomposition vision {options} | Merge-LowRankFactor | Compare-ModelWeight vision");
        Assert.Equal(4, differences.Count);
        Assert.All(differences, d => Assert.InRange(d.GetProperty("RelativeError").GetDouble(), 0, 2e-5));
        Assert.Equal(2, differences.Count(d => d.GetProperty("Status").GetString() == "Same"));
    }

    [PwshFact]
    public void The_error_of_a_comparison_is_the_error_of_the_decomposition()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, """
            $small = Invoke-TensorDecomposition vision -Method Tucker -Rank 3
            $small.Tensors | Where-Object Ranks
            $small | Compare-ModelWeight vision | Where-Object Status -eq Changed
            """);
        Assert.Equal(4, output.Count);
        for (int i = 0; i < 2; i++)
            Assert.Equal(output[i].GetProperty("RelativeError").GetDouble(), output[i + 2].GetProperty("RelativeError").GetDouble(), 5);
    }

    [PwshFact]
    public void Piped_layers_are_decomposed_and_no_others_those_of_two_modes_too()
    {
        JsonElement small = session.One(_sandbox, "Get-LayerShapes vision | Where-Object Name -eq head.weight | Invoke-TensorDecomposition -Method Cp -Rank 2");
        Assert.Equal("head.weight", small.GetProperty("Tensors").EnumerateArray().Single(t => t.GetProperty("Ranks").ValueKind != JsonValueKind.Null).GetProperty("Name").GetString());
    }

    [PwshTheory]
    [InlineData("[float[,]]::new(8, 6)", "-Method Pca -Rank 2", "mean scores components")]
    [InlineData("[double[,]]::new(8, 6)", "-Method RobustPca -Tolerance 1e-6", "left right sparse")]
    [InlineData("[int[,,]]::new(3, 6, 6)", "-Method Rescal -Rank 2", "entities relations")]
    [InlineData("[double[,,]]::new(3, 6, 6)", "-Method Dedicom -Rank 2", "loadings diagonals core")]
    [InlineData("[double[,,]]::new(3, 6, 6)", "-Method Indscal -Rank 2", "loadings weights")]
    [InlineData("[double[,,]]::new(5, 6, 7)", "-Method NonNegativeTucker -Rank 2", "core factor0 factor1 factor2")]
    [InlineData("[double[,,]]::new(5, 6, 7)", "-Method RandomizedTucker -Rank 2", "core factor0 factor1 factor2")]
    [InlineData("[double[,,]]::new(5, 6, 7)", "-Method RandomizedCp -Rank 2", "weights factor0 factor1 factor2")]
    [InlineData("[double[,,]]::new(5, 6, 7)", "-Expression 'A:ir,B:jr,C:kr->ijk' -Rank 2 -MaxIteration 100 -WarningAction Ignore", "A B C")]
    public void A_piped_array_becomes_factors_whose_product_is_as_near_as_the_error_says(string array, string options, string names)
    {
        JsonElement found = session.One(_sandbox, $$"""
            $array = {{array}}
            $entries = 0
            foreach ($i in 0..($array.Length - 1)) {
                $place = @(0) * $array.Rank; $rest = $i
                for ($k = $array.Rank - 1; $k -ge 0; $k--) { $place[$k] = $rest % $array.GetLength($k); $rest = [Math]::Floor($rest / $array.GetLength($k)) }
                $array.SetValue((($i * 37) % 11 + $place[0]) -as $array.GetType().GetElementType(), [int[]]$place)
            }
            $found = , $array | Invoke-TensorDecomposition {{options}}
            $before = @($array | ForEach-Object { [double]$_ }); $after = @($found.Dense | ForEach-Object { $_ })
            $lost = 0; $norm = 0
            for ($i = 0; $i -lt $before.Count; $i++) { $lost += [Math]::Pow($before[$i] - $after[$i], 2); $norm += $before[$i] * $before[$i] }
            [pscustomobject]@{ Names = $found.Factors.Keys -join ' '; Error = $found.RelativeError; Measured = [Math]::Sqrt($lost / $norm); Parameters = $found.Parameters; Held = ($found.Factors.Values | ForEach-Object Length | Measure-Object -Sum).Sum }
            """);
        Assert.Equal(names, found.GetProperty("Names").GetString());
        Assert.InRange(found.GetProperty("Error").GetDouble(), 0, 0.8);
        Assert.Equal(found.GetProperty("Measured").GetDouble(), found.GetProperty("Error").GetDouble(), 1e-6);
        Assert.Equal(found.GetProperty("Held").GetDouble(), found.GetProperty("Parameters").GetDouble());
    }

    [PwshFact]
    public void An_expression_stands_in_a_file_and_is_multiplied_out_again()
    {
        IReadOnlyList<JsonElement> output = session.All(_sandbox, """
            $small = Invoke-TensorDecomposition vision -Expression 'or,ir,hr,wr->oihw' -Rank 5 -StartCount 3 -MaxIteration 2000 -WarningAction Ignore
            $small.Tensors | Where-Object Ranks
            $small | Merge-LowRankFactor | Compare-ModelWeight vision | Where-Object Status -eq Changed
            """);
        Assert.Equal(4, output.Count);
        for (int i = 0; i < 2; i++)
        {
            Assert.InRange(output[i].GetProperty("RelativeError").GetDouble(), 0, 0.2);
            Assert.Equal(output[i].GetProperty("RelativeError").GetDouble(), output[i + 2].GetProperty("RelativeError").GetDouble(), 5);
        }
    }

    [PwshTheory]
    [InlineData("Invoke-TensorDecomposition vision -Rank 2")]
    [InlineData("Invoke-TensorDecomposition vision -Method Cp -Expression 'ir,jr->ij' -Rank 2")]
    [InlineData("Invoke-TensorDecomposition vision -Method Cp -Rank 2 -NonNegative factor0")]
    [InlineData("Invoke-TensorDecomposition vision -Expression 'ir,jr' -Rank 2")]
    [InlineData("Invoke-TensorDecomposition vision -Expression 'ir,jr->ij' -Rank 2 -NonNegative X")]
    [InlineData("Invoke-TensorDecomposition -InputArray ([double[,]]::new(3, 3)) -Method Pca -Rank 1 -OutputPath x")]
    public void What_no_method_could_do_is_refused(string script)
    {
        Reply reply = session.Run(_sandbox, script);
        Assert.Equal(["OptionInvalid"], reply.Thrown is { } thrown ? [thrown.Id.Split(',')[0]] : reply.ErrorIds);
    }

    [PwshFact]
    public void WhatIf_computes_and_writes_nothing()
    {
        string before = _sandbox.Fingerprint();
        JsonElement planned = session.One(_sandbox, "Invoke-TensorDecomposition vision -Method TensorTrain -Tolerance 0.1 -WhatIf");
        Assert.False(planned.GetProperty("Written").GetBoolean());
        Assert.InRange(planned.GetProperty("RelativeError").GetDouble(), 1e-6, 0.1);
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void Output_is_kept_without_force()
    {
        Reply reply = session.Run(_sandbox, """
            Invoke-TensorDecomposition vision -Method Tucker -Rank 3 | Out-Null
            Invoke-TensorDecomposition vision -Method Tucker -Rank 3
            Invoke-TensorDecomposition vision -Method Tucker -Rank 3 -Force -PassThru | ForEach-Object Name
            """);
        Assert.Equal(["OutputExists"], reply.ErrorIds);
        Assert.Equal("model.safetensors", Assert.Single(reply.Output).GetString());
    }

    [PwshTheory]
    [InlineData("-Method Fourier -Rank 2", "OptionInvalid")]
    [InlineData("-Method Cp", "OptionInvalid")]
    [InlineData("-Method Cp -Tolerance 0.1", "OptionInvalid")]
    [InlineData("-Method TensorTrain -Tolerance 1", "OptionInvalid")]
    [InlineData("-Method TensorTrain -Rank 2 -Mode 1", "OptionInvalid")]
    [InlineData("-Method Tucker -Rank 2 -Format PyTorch", "OutputFormatNotWritten")]
    public void Options_that_no_tensor_could_be_decomposed_with_end_the_command(string options, string id)
    {
        Assert.StartsWith(id + ",", session.Run(_sandbox, $"Invoke-TensorDecomposition vision {options}").Thrown?.Id, StringComparison.Ordinal);
    }

    [PwshFact]
    public void A_model_that_fails_does_not_keep_the_next_one_from_its_turn()
    {
        Reply reply = session.Run(_sandbox, "'models/tiny.safetensors', 'missing', 'vision' | Invoke-TensorDecomposition -Method Tucker -Rank 3");
        Assert.Equal(["NothingToFactorize", "PathNotFound"], reply.ErrorIds);
        Assert.Single(reply.Output);
    }

    [PwshFact]
    public void Methods_are_completed()
    {
        Assert.Equal(["TensorRing", "TensorTrain", "TensorTrainMatrix", "Tucker"], session.All(_sandbox, """
            (TabExpansion2 'Invoke-TensorDecomposition vision -Method t' 43).CompletionMatches.CompletionText
            """).Select(c => c.GetString()).Order(StringComparer.Ordinal));
    }
}
