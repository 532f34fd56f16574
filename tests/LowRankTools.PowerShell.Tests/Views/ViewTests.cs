namespace LowRankTools.PowerShell.Tests.Views;

/// <summary>What the default views print at a width of 120.</summary>
public sealed class ViewTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Layers_stand_under_their_model_and_leave_blank_what_is_null()
    {
        _sandbox.WriteModel("wide.safetensors", ("a.weight", [200, 100]), ("a.bias", [200]));
        Prints("Get-LayerShapes wide.safetensors", """
               Model: /data/wide.safetensors

            Name         Shape DType    Parameters BreakEven Kind
            ----         ----- -----    ---------- --------- ----
            a.weight 200 x 100 F32          20,000        66 Linear
            a.bias         200 F32             200           Bias
            """);
    }

    [PwshFact]
    public void Long_names_leave_room_for_the_figures()
    {
        string name = "model.decoder." + string.Join('.', Enumerable.Repeat("block", 20)) + ".self_attention.qkv_proj.weight";
        _sandbox.WriteModel("deep.safetensors", (name, [192, 64]));
        Prints("Get-LayerShapes deep.safetensors", """
               Model: /data/deep.safetensors

            Name                                            Shape DType    Parameters BreakEven Kind
            ----                                            ----- -----    ---------- --------- ----
            ….block.block.self_attention.qkv_proj.weight 192 x 64 F32          12,288        47 AttentionPacked
            """);
    }

    [PwshFact]
    public void A_layer_in_a_list_tells_everything()
    {
        Prints("Get-LayerShapes models/tiny.safetensors -Name fc2 | Format-List", """
            Name          : fc2.weight
            Model         : tiny
            Path          : /data/models/tiny.safetensors
            Kind          : Linear
            Shape         : 32 x 64
            Orientation   : OutIn
            InFeatures    : 64
            OutFeatures   : 32
            DType         : F32
            Parameters    : 2,048
            Bytes         : 8.0 KB
            Trainable     : True
            TiedTo        :
            BreakEvenRank : 21
            Rank          :
            """);
    }

    [PwshFact]
    public void Counts_of_models_are_comparable_down_a_column()
    {
        Prints("Measure-ParameterCount models -Recurse", """
            Name Layers    Parameters      Size      Adam Format
            ---- ------    ----------      ----      ---- ------
            tiny      2         4,160   16.5 KB   65.0 KB Safetensors
            mini      6        14,528   57.6 KB  227.0 KB Safetensors
            """);
    }

    [PwshFact]
    public void A_factorization_in_a_list_tells_where_it_went()
    {
        Prints("Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -WhatIf | Format-List", """
            Name             : tiny
            Source           : /data/models/tiny.safetensors
            Path             : /data/models/tiny-lowrank/model.safetensors
            Written          : False
            Rule             : Rank 4
            ParametersBefore : 4,160
            Parameters       : 832
            KeptRatio        : 20.0 %
            BytesBefore      : 16.3 KB
            Bytes            : 3.3 KB
            FactorizedLayers : 2
            KeptLayers       : 0
            RelativeError    :
            MeanError        :
            Seconds          :
            """);
    }

    [PwshFact]
    public void Layers_that_stay_dense_say_why()
    {
        Prints("(Invoke-LowRankFactorization models/mini -Rank 20 -Exclude *.down -WhatIf).Layers", """
            Name                        Shape Rank    Parameters Error Reason
            ----                        ----- ----    ---------- ----- ------
            embed_tokens.weight       96 x 32              3,072       Embedding
            layer.attention.q.weight  32 x 32              1,024       BreakEven
            layer.attention.k.weight  32 x 32              1,024       BreakEven
            layer.attention.v.weight  32 x 32              1,024       BreakEven
            layer.mlp.up.weight      128 x 32   20         3,200
            layer.mlp.down.weight    32 x 128              4,096       Excluded
            """);
    }

    [PwshFact]
    public void Calibrated_layers_show_the_error_on_their_inputs_too()
    {
        Prints("(Invoke-LowRankFactorization models/mini -Rank 8 -Include *.mlp.*, *.q -Calibration calibration.safetensors -OutputPath out -WarningAction SilentlyContinue).Layers | Where-Object Rank", """
            Name                        Shape Rank    Parameters         Error Reason
            ----                        ----- ----    ----------         ----- ------
            layer.attention.q.weight  32 x 32    8           512         0.153
            layer.mlp.up.weight      128 x 32    8         1,280 0.256 / 0.045
            layer.mlp.down.weight    32 x 128    8         1,280 0.277 / 0.069
            """);
    }

    [PwshFact]
    public void Engines_say_what_they_lack()
    {
        Prints("""
            $null = Get-LowRankEngine # loads the type
            [LowRankTools.Numerics.Engines.EngineInfo]::new('Embedded', 'cpu', 'AVX2', 8, $true, '')
            [LowRankTools.Numerics.Engines.EngineInfo]::new('Other', 'cuda:0', '', 0, $false, 'no driver')
            """, """
            Name        Available Device   Memory Version   Reason
            ----        --------- ------   ------ -------   ------
            Embedded    True      cpu
            Other       False     cuda:0                    no driver.
            """);
        const string Narrow = """
            $null = Get-LowRankEngine # loads the type
            $env:COLUMNS = 80
            $info = [LowRankTools.Numerics.Engines.EngineInfo]
            $there = $info::new('TorchSharp', 'cpu', 'libtorch 2.10.0', 8, $true, '')
            $info.GetProperty('Version').SetValue($there, '0.107.0 (libtorch 2.10.0)')
            $missing = $info::new('TorchSharp', 'cuda', '', 0, $false, 'this libtorch is built for the processor only')
            $info.GetProperty('Remedy').SetValue($missing, 'Install-LowRankEngine -Device cuda -Force replaces it.')
            $there, $missing
            """;
        try
        {
            Prints(Narrow, """
                Name        Available Device   Memory Version   Reason
                ----        --------- ------   ------ -------   ------
                TorchSharp  True      cpu             0.107.0
                TorchSharp  False     cuda                      this libtorch is built for the
                                                                processor only.
                                                                Install-LowRankEngine -Device
                                                                cuda -Force replaces it.
                """, 80);
        }
        finally
        {
            session.Text(_sandbox, "$env:COLUMNS = $null; ''");
        }
    }

    [PwshFact]
    public void Merged_models_and_differences_have_tables_too()
    {
        Prints("Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -OutputPath small.safetensors | Merge-LowRankFactor -WhatIf", """
            Name  Merged        Before    Parameters      Size
            ----  ------        ------    ----------      ----
            small      2           832         4,160   16.3 KB
            """);
        Prints("Compare-ModelWeight models/tiny.safetensors tuned.safetensors -IncludeRank", """
               Model: /data/tuned.safetensors

            Name         Shape   MaxAbs    Error DeltaRank Status
            ----         -----   ------    ----- --------- ------
            fc1.weight 64 x 32    0.317    0.955         3 Changed
            fc1.bias        64        0        0           Same
            fc2.weight 32 x 64        0        0           Same
            """);
    }

    [PwshFact]
    public void Views_do_not_depend_on_the_culture()
    {
        const string table = "Measure-ParameterCount models -Recurse | Out-String -Width 120";
        Assert.Equal(session.Text(_sandbox, table), session.Text(_sandbox,
            $"$before = [cultureinfo]::CurrentCulture; try {{ [cultureinfo]::CurrentCulture = 'de-DE'; {table} }} finally {{ [cultureinfo]::CurrentCulture = $before }}"));
    }

    private void Prints(string script, string expected, int width = 120)
    {
        string printed = session.Text(_sandbox, $"& {{\n{script}\n}} | Out-String -Width {width}");
        Assert.Equal(expected.ReplaceLineEndings("\n"), printed.Replace(_sandbox.Root, "/data", StringComparison.Ordinal).Replace('\\', '/'));
    }
}
