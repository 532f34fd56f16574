using System.Diagnostics;
using System.Text.Json;
using LowRankTools.Core.Demo;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Long work: progress, and being stopped.</summary>
public sealed class RunningTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void Progress_is_one_activity_with_a_percentage_that_is_closed()
    {
        JsonElement[] records = [.. session.All(_sandbox, """
            $shell = [powershell]::Create()
            $null = $shell.AddScript('Import-Module $env:LOWRANK_MANIFEST; $ProgressPreference = "Continue"; Invoke-LowRankFactorization $args[0] -Energy 0.9 -OutputPath $args[1]').AddArgument("$PWD/models/mini").AddArgument("$PWD/out").Invoke()
            $shell.Streams.Progress | Where-Object Activity -match 'mini' | Select-Object ActivityId, PercentComplete, RecordType
            """)];
        Assert.True(records.Length >= 2);
        Assert.Single(records.Select(r => r.GetProperty("ActivityId").GetInt32()).Distinct());
        Assert.All(records, r => Assert.InRange(r.GetProperty("PercentComplete").GetInt32(), -1, 100));
        Assert.Equal("Completed", records[^1].GetProperty("RecordType").GetString());
    }

    [PwshFact]
    public void A_stopped_pipeline_ends_and_leaves_nothing()
    {
        DemoTransformer.Write(_sandbox["demo"]);
        string before = _sandbox.Fingerprint("demo");
        JsonElement state = session.One(_sandbox, """
            $shell = [powershell]::Create()
            $null = $shell.AddScript('Import-Module $env:LOWRANK_MANIFEST; Invoke-LowRankFactorization $args[0] -Rank 200 -OutputPath $args[1]').AddArgument("$PWD/demo").AddArgument("$PWD/out")
            $run = $shell.BeginInvoke()
            while (-not (Test-Path out) -and -not $run.IsCompleted) { Start-Sleep -Milliseconds 5 }
            $shell.Stop()
            "$($shell.InvocationStateInfo.State)"
            """);
        Assert.Equal("Stopped", state.GetString());
        Assert.False(_sandbox.Exists("out"));
        Assert.Equal(before, _sandbox.Fingerprint("demo"));
    }

    [PwshTheory]
    [InlineData("Get-LayerSpectrum $args[0] -NoCache")]
    [InlineData("New-RankPlan $args[0] -TargetReduction 2 -NoCache")]
    public void A_computation_that_writes_nothing_is_stopped_inside_the_mathematics(string command)
    {
        DemoTransformer.Write(_sandbox["demo"]);
        JsonElement state = session.One(_sandbox, $$"""
            $shell = [powershell]::Create()
            $null = $shell.AddScript('Import-Module $env:LOWRANK_MANIFEST; $ProgressPreference = "Continue"; {{command}}').AddArgument("$PWD/demo")
            $run = $shell.BeginInvoke()
            while ($shell.Streams.Progress.Count -eq 0 -and -not $run.IsCompleted) { Start-Sleep -Milliseconds 5 }
            $shell.Stop()
            "$($shell.InvocationStateInfo.State) $($shell.Streams.Error.Count)"
            """);
        Assert.Equal("Stopped 0", state.GetString());
    }

    [CtrlCFact]
    public void Ctrl_C_ends_the_process_and_leaves_nothing()
    {
        DemoTransformer.Write(_sandbox["demo"]);
        string before = _sandbox.Fingerprint("demo");
        ProcessStartInfo start = Pwsh.Start("Import-Module $env:LOWRANK_MANIFEST; Invoke-LowRankFactorization demo -Rank 200 -OutputPath out; 'went on'");
        start.WorkingDirectory = _sandbox.Root;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        while (!_sandbox.Exists("out") && !process.HasExited)
            Thread.Sleep(5);
        Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).WaitForExit();
        bool ended = process.WaitForExit(60_000);
        if (!ended)
            process.Kill(entireProcessTree: true);
        Assert.True(ended);
        Assert.DoesNotContain("went on", output.GetAwaiter().GetResult(), StringComparison.Ordinal);
        Assert.False(_sandbox.Exists("out"), string.Join(' ', _sandbox.Exists("out") ? Directory.GetFiles(_sandbox["out"], "*", SearchOption.AllDirectories) : []));
        Assert.Equal(before, _sandbox.Fingerprint("demo"));
    }

    /// <summary>Ctrl+C is a signal that only Unix lets one process send to another.</summary>
    private sealed class CtrlCFactAttribute : FactAttribute
    {
        public CtrlCFactAttribute() => Skip = OperatingSystem.IsWindows() ? "needs Unix, where Ctrl+C is a signal" : Pwsh.Skip;
    }
}
