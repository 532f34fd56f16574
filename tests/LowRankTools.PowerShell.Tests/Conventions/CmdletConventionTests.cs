using System.Text.Json;

namespace LowRankTools.PowerShell.Tests.Conventions;

/// <summary>What every cmdlet of the module owes its users, asked of the imported module.</summary>
public sealed class CmdletConventionTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private static readonly string[] s_writers = ["Compress-LowRankModel", "Convert-LoraAdapter", "Export-LoraAdapter", "Export-LowRankCalibration", "Export-LowRankReport", "Export-RankPlan", "Install-LowRankEngine", "Invoke-LowRankFactorization", "Invoke-TensorDecomposition", "Join-LoraAdapter", "Join-LowRankPart", "Merge-LoraAdapter", "Merge-LowRankFactor", "New-LoraAdapter", "New-TransformerModel", "Optimize-LoraAdapter", "Optimize-LowRankModel", "Resize-LoraAdapter", "Resize-TransformerModel"];
    private static readonly string[] s_changers = ["Measure-LowRankEngine", "Uninstall-LowRankEngine"];

    private readonly Sandbox _sandbox = new();

    public static TheoryData<string> Cmdlets => [.. Repository.Cmdlets];

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void The_verb_is_approved(string cmdlet)
    {
        Assert.Single(session.All(_sandbox, $"(Get-Verb (Get-Command {cmdlet}).Verb).Verb"));
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void The_noun_is_singular_or_has_a_singular_alias(string cmdlet)
    {
        if (cmdlet.EndsWith('s'))
            Assert.Equal(cmdlet, session.One(_sandbox, $"(Get-Alias {cmdlet[..^1]}).Definition").GetString());
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void The_output_type_is_declared_and_exists(string cmdlet)
    {
        IReadOnlyList<JsonElement> types = session.All(_sandbox, $"(Get-Command {cmdlet}).OutputType | ForEach-Object {{ $null -ne $_.Type }}");
        Assert.NotEmpty(types);
        Assert.All(types, t => Assert.True(t.GetBoolean()));
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void Parameters_are_PascalCase_and_switches_are_no_booleans(string cmdlet)
    {
        foreach (JsonElement parameter in Parameters(cmdlet))
        {
            Assert.Matches("^[A-Z][A-Za-z]+$", parameter.GetProperty("Name").GetString());
            Assert.DoesNotContain("Boolean", parameter.GetProperty("Type").GetString(), StringComparison.Ordinal);
        }
    }

    [PwshFact]
    public void A_calibration_can_be_used_in_every_way_wherever_one_is_given()
    {
        // A set attribute's values are texts, so that they complete without the module's types: they are all of the enumeration.
        JsonElement found = session.One(_sandbox, """
            $core = Join-Path (Split-Path (Get-Command New-RankPlan).ImplementingType.Assembly.Location) LowRankTools.Core.dll
            @{
                Modes = [Enum]::GetNames([Reflection.Assembly]::LoadFrom($core).GetType('LowRankTools.Core.Records.CalibrationMode')) -join ' '
                Offered = @(Get-Command -Module LowRankTools -CommandType Cmdlet | Where-Object { $_.Parameters.ContainsKey('CalibrationMode') } |
                    ForEach-Object { $_.Parameters['CalibrationMode'].Attributes.Where({ $_ -is [ValidateSet] }).ValidValues -join ' ' })
            }
            """);
        string[] offered = [.. found.GetProperty("Offered").EnumerateArray().Select(o => o.GetString()!)];
        Assert.True(offered.Length >= 3);
        Assert.All(offered, o => Assert.Equal(found.GetProperty("Modes").GetString(), o));
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void Lists_have_singular_names(string cmdlet)
    {
        Assert.All(Parameters(cmdlet).Where(p => p.GetProperty("Type").GetString()!.EndsWith("[]", StringComparison.Ordinal)),
            p => Assert.DoesNotMatch("s$", p.GetProperty("Name").GetString()));
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void A_path_comes_with_a_literal_path(string cmdlet)
    {
        Dictionary<string, JsonElement> parameters = Parameters(cmdlet).ToDictionary(p => p.GetProperty("Name").GetString()!);
        if (!parameters.TryGetValue("Path", out JsonElement path))
            return;
        Assert.True(path.GetProperty("Wildcards").GetBoolean());
        Assert.Equal("System.String[]", path.GetProperty("Type").GetString());
        Assert.Contains("PSPath", parameters["LiteralPath"].GetProperty("Aliases").EnumerateArray().Select(a => a.GetString()));
        Assert.False(parameters["LiteralPath"].GetProperty("Wildcards").GetBoolean());
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void Only_cmdlets_that_write_ask_before_they_do(string cmdlet)
    {
        string[] names = [.. Parameters(cmdlet, common: true).Select(p => p.GetProperty("Name").GetString()!)];
        Assert.Equal(s_writers.Concat(s_changers).Contains(cmdlet), names.Contains("WhatIf"));
        Assert.Equal(s_writers.Contains(cmdlet), names.Contains("Force"));
    }

    [PwshTheory]
    [InlineData("ThreadCount")]
    [InlineData("Engine")]
    [InlineData("Device")]
    public void Parameters_of_computing_are_the_same_everywhere(string parameter)
    {
        string[] declarations = [.. session.All(_sandbox, $$"""
            Get-Command -Module LowRankTools -CommandType Cmdlet | Where-Object Verb -ne Install | ForEach-Object { $_.Parameters['{{parameter}}'] } | Where-Object { $_ } | ForEach-Object {
                $attributes = foreach ($a in $_.Attributes.Where({ $_.GetType().Name -ne 'NullableAttribute' })) { # the compiler writes that one where a class's other members differ
                    "$($a.GetType().Name) $($a.ValidValues) $($a.MinRange) $($a.MaxRange) $($a.Type) $($a.ParameterSetName) $($a.Mandatory) $($a.ValueFromPipelineByPropertyName)"
                }
                "$($_.ParameterType) $($attributes | Sort-Object)"
            }
            """).Select(d => d.GetString()!)];
        Assert.True(declarations.Length >= 5);
        Assert.Single(declarations.Distinct());
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void Every_parameter_set_takes_pipeline_input(string cmdlet)
    {
        Assert.All(session.All(_sandbox, $$"""
            (Get-Command {{cmdlet}}).ParameterSets | ForEach-Object {
                [bool]($_.Parameters | Where-Object { $_.ValueFromPipeline -or $_.ValueFromPipelineByPropertyName })
            }
            """), takes => Assert.True(takes.GetBoolean()));
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void At_most_one_parameter_a_set_takes_whole_objects(string cmdlet)
    {
        Assert.All(session.All(_sandbox, $"(Get-Command {cmdlet}).ParameterSets | ForEach-Object {{ @($_.Parameters | Where-Object ValueFromPipeline).Count }}"),
            count => Assert.InRange(count.GetInt32(), 0, 1));
    }

    [PwshTheory, MemberData(nameof(Cmdlets))]
    public void Help_is_written_and_complete(string cmdlet)
    {
        JsonElement help = session.One(_sandbox, $$"""
            $help = Get-Help {{cmdlet}} -Full
            $common = [System.Management.Automation.Cmdlet]::CommonParameters
            @{
                Synopsis    = "$($help.Synopsis)".Trim()
                Description = "$($help.description.Text)"
                Examples    = @($help.examples.example).Count
                Outputs     = "$($help.returnValues.returnValue[0].type.name) $($help.returnValues.returnValue[0].description.Text)"
                Undescribed = @((Get-Command {{cmdlet}}).Parameters.Keys | Where-Object { $_ -notin $common -and -not (Get-Help {{cmdlet}} -Parameter $_).description.Text })
                Sets        = @($help.syntax.syntaxItem).Count - (Get-Command {{cmdlet}}).ParameterSets.Count
                Notes       = "$($help.alertSet.alert.Text)"
            }
            """);
        Assert.DoesNotContain(cmdlet, help.GetProperty("Synopsis").GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.True(help.GetProperty("Synopsis").GetString()!.Length > 20);
        Assert.True(help.GetProperty("Description").GetString()!.Length > 100);
        Assert.True(help.GetProperty("Examples").GetInt32() >= 2);
        Assert.Contains("Name", help.GetProperty("Outputs").GetString(), StringComparison.Ordinal);
        Assert.Empty(help.GetProperty("Undescribed").EnumerateArray());
        Assert.Equal(0, help.GetProperty("Sets").GetInt32());
        Assert.NotEqual("", help.GetProperty("Notes").GetString());
    }

    [PwshTheory]
    [InlineData("about_LowRankTools")]
    [InlineData("about_LowRankTools_Errors")]
    public void About_topics_are_found(string topic)
    {
        Assert.Contains("DESCRIPTION", session.Text(_sandbox, $"Get-Help {topic} | Out-String"), StringComparison.Ordinal);
    }

    private IReadOnlyList<JsonElement> Parameters(string cmdlet, bool common = false) => session.All(_sandbox, $$"""
        $skip = {{(common ? "@()" : "[System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters")}}
        (Get-Command {{cmdlet}}).Parameters.Values | Where-Object Name -notin $skip | ForEach-Object {
            @{
                Name      = $_.Name
                Type      = $_.ParameterType.FullName
                Aliases   = @($_.Aliases)
                Wildcards = [bool]($_.Attributes | Where-Object { $_ -is [System.Management.Automation.SupportsWildcardsAttribute] })
            }
        }
        """);
}
