namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Parts in loops, jobs and pipelines of real PowerShell.</summary>
public sealed class JoinLowRankPartTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    private string One()
    {
        session.All(_sandbox, "$null = Invoke-LowRankFactorization models/mini -Rank 8 -OutputPath one");
        return _sandbox.Fingerprint("one").Replace("one", "", StringComparison.Ordinal);
    }

    private string Joined(string folder) => _sandbox.Fingerprint(folder).Replace(folder, "", StringComparison.Ordinal);

    [PwshFact]
    public void Jobs_make_the_model_of_one_run()
    {
        session.All(_sandbox, """
            $jobs = 1..2 | ForEach-Object {
                Start-Job -WorkingDirectory $PWD -ArgumentList $_, (Get-Module LowRankTools).Path {
                    param($number, $module)
                    Import-Module $module
                    Invoke-LowRankFactorization models/mini -Rank 8 -OutputPath jobs -Part "$number/2" -ThreadCount 1
                }
            }
            $null = $jobs | Wait-Job | Receive-Job
            $null = Join-LowRankPart jobs/mini
            """);
        Assert.Equal(One(), Joined("jobs"));
    }

    [PwshTheory]
    [InlineData("Join-LowRankPart out/mini")]
    [InlineData("Join-LowRankPart -LiteralPath out/mini/parts")]
    [InlineData("Join-LowRankPart out/m*")]
    [InlineData("Get-ChildItem out/mini/parts | Join-LowRankPart")]
    [InlineData("Get-Item out/mini | Join-LowRankPart -PassThru")]
    public void A_folder_of_parts_is_found_from_everywhere_and_joined_once(string script)
    {
        session.All(_sandbox, "1..3 | ForEach-Object { $null = Invoke-LowRankFactorization models/mini -Rank 8 -OutputPath out -Part \"$_/3\" }");
        Assert.Single(session.All(_sandbox, script + " | ForEach-Object { 1 }"));
        Assert.Equal(One(), Joined("out"));
    }

    [PwshFact]
    public void WhatIf_leaves_the_parts_and_writes_nothing()
    {
        session.All(_sandbox, "1..2 | ForEach-Object { $null = Invoke-LowRankFactorization models/mini -Rank 8 -OutputPath out -Part \"$_/2\" }");
        string before = _sandbox.Fingerprint();
        Assert.False(session.One(_sandbox, "(Join-LowRankPart out/mini -WhatIf).Written").GetBoolean());
        Assert.Equal(before, _sandbox.Fingerprint());
    }

    [PwshFact]
    public void What_is_wrong_with_one_folder_does_not_stop_the_next()
    {
        session.All(_sandbox, "$null = Invoke-LowRankFactorization models/mini -Rank 8 -OutputPath half -Part 1/2; 1..2 | ForEach-Object { $null = Invoke-LowRankFactorization models/mini -Rank 8 -OutputPath out -Part \"$_/2\" }");
        Reply reply = session.Run(_sandbox, "Join-LowRankPart half/mini, nowhere, out/mini | Select-Object Written");
        Assert.Equal(["PartMissing", "PathNotFound"], reply.ErrorIds.Order());
        Assert.True(Assert.Single(reply.Output).GetProperty("Written").GetBoolean());
    }

    [PwshTheory]
    [InlineData("-Rank 8 -Part 3/2"), InlineData("-Rank 8 -Part x"), InlineData("-Energy 0.5 -Part 1/2")]
    public void Parts_that_make_no_sense_end_the_command(string options) =>
        Assert.StartsWith("OptionInvalid", session.Run(_sandbox, $"Invoke-LowRankFactorization models/mini {options}").Thrown!.Id, StringComparison.Ordinal);
}
