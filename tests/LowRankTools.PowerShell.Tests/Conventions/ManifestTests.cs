using System.Text.Json;
using LowRankTools.PowerShell.Formatting;

namespace LowRankTools.PowerShell.Tests.Conventions;

public sealed class ManifestTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void The_manifest_is_valid()
    {
        Assert.Equal("LowRankTools", session.One(_sandbox, "(Test-ModuleManifest $env:LOWRANK_MANIFEST).Name").GetString());
    }

    [PwshFact]
    public void What_is_exported_is_listed_and_what_is_listed_is_exported()
    {
        JsonElement module = session.One(_sandbox, """
            $data = Import-PowerShellDataFile $env:LOWRANK_MANIFEST
            @{
                Exported = @(Get-Command -Module LowRankTools -CommandType Cmdlet | ForEach-Object Name | Sort-Object)
                Listed   = @($data.CmdletsToExport | Sort-Object)
                Compiled = @([System.Reflection.Assembly]::LoadFrom("$((Get-Module LowRankTools).ModuleBase)/$($data.RootModule)").GetExportedTypes() |
                    ForEach-Object { $_.GetCustomAttributes([System.Management.Automation.CmdletAttribute], $false) } | ForEach-Object { "$($_.VerbName)-$($_.NounName)" } | Sort-Object)
                Aliases  = @(Get-Command -Module LowRankTools -CommandType Alias | ForEach-Object Name)
                Others   = @($data.FunctionsToExport) + @($data.VariablesToExport)
            }
            """);
        Assert.Equal(Strings(module, "Listed"), Strings(module, "Exported"));
        Assert.Equal(Strings(module, "Listed"), Strings(module, "Compiled"));
        Assert.Equal(Repository.Cmdlets, Strings(module, "Listed"));
        Assert.Equal(["Get-LayerShape"], Strings(module, "Aliases"));
        Assert.Empty(Strings(module, "Others"));
    }

    [PwshFact]
    public void Its_version_is_that_of_the_assembly()
    {
        string? version = session.One(_sandbox, "\"$((Get-Module LowRankTools).Version)\"").GetString();
        Assert.Equal(typeof(Display).Assembly.GetName().Version!.ToString(3), version);
    }

    [PwshFact]
    public void It_says_what_it_runs_on()
    {
        JsonElement data = session.One(_sandbox, "Import-PowerShellDataFile $env:LOWRANK_MANIFEST");
        Assert.Equal("7.6", data.GetProperty("PowerShellVersion").GetString());
        Assert.Equal(["Core"], Strings(data, "CompatiblePSEditions"));
        Assert.NotEmpty(Strings(data.GetProperty("PrivateData").GetProperty("PSData"), "Tags"));
        Assert.NotEqual("", data.GetProperty("Description").GetString());
    }

    [PwshFact]
    public void Importing_loads_the_modules_own_assembly_and_no_other()
    {
        // PowerShell and .NET load assemblies of their own in every process, module or not, on threads of their own that may come late.
        string loaded = Pwsh.Run("""
            $theirs = $PSHOME, [Runtime.InteropServices.RuntimeEnvironment]::GetRuntimeDirectory()
            $before = [AppDomain]::CurrentDomain.GetAssemblies()
            $said = Import-Module $env:LOWRANK_MANIFEST *>&1
            $new = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_ -notin $before -and -not $_.IsDynamic }
            $ours = $new | Where-Object { $place = $_.Location; -not ($theirs | Where-Object { $place.StartsWith($_) }) }
            "$said|$(($ours | ForEach-Object { $_.GetName().Name }) -join ' ')"
            """);
        Assert.Equal("|LowRankTools.PowerShell", loaded.Trim());
    }

    [PwshFact]
    public void Importing_again_by_force_works()
    {
        string said = Pwsh.Run("""
            $ErrorActionPreference = 'Stop'
            Import-Module $env:LOWRANK_MANIFEST
            $first = (Get-LowRankEngine Embedded).Name
            Import-Module $env:LOWRANK_MANIFEST -Force
            Remove-Module LowRankTools
            Import-Module $env:LOWRANK_MANIFEST
            "$first $((Get-LowRankEngine Embedded).Name)"
            """);
        Assert.Equal("Embedded Embedded", said.Trim());
    }

    [PwshFact]
    public void A_module_folder_on_the_module_path_is_found_by_its_commands()
    {
        string said = Pwsh.Run("""
            $folder = Split-Path $env:LOWRANK_MANIFEST
            $home = Join-Path ([System.IO.Path]::GetTempPath()) "lowrank-modules-$PID"
            $module = New-Item -ItemType Directory "$home/LowRankTools"
            try {
                Copy-Item "$folder/LowRankTools.psd1", "$folder/module", "$folder/en-US" $module -Recurse
                $env:PSModulePath = $home
                "$((Get-LowRankEngine Embedded).Name) $((Get-Module LowRankTools).ModuleBase -eq $module.FullName)"
            }
            finally { Remove-Item $home -Recurse -Force -ErrorAction SilentlyContinue }
            """.Replace("$home", "$place", StringComparison.Ordinal));
        Assert.Equal("Embedded True", said.Trim());
    }

    private static IEnumerable<string?> Strings(JsonElement element, string name) => element.GetProperty(name).EnumerateArray().Select(e => e.GetString());
}
