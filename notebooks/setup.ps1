<#
.SYNOPSIS
Prepares a clone for its notebooks: builds the module, restores the pinned .NET Interactive.
.PARAMETER Jupyter
Registers the kernels with the Jupyter that is installed.
#>
[CmdletBinding()]
param([switch] $Jupyter)

$ErrorActionPreference = 'Stop'
Push-Location (Split-Path $PSScriptRoot)
try {
    foreach ($step in @('build', '-c', 'Release'), @('tool', 'restore')) {
        & dotnet @step
        if ($LASTEXITCODE -ne 0) { throw "dotnet $($step -join ' ') failed" }
    }
    if ($Jupyter) {
        # Kernels are started outside the clone, where no manifest is found: this needs the tool for the user.
        $version = (Get-Content .config/dotnet-tools.json -Raw | ConvertFrom-Json).tools.'microsoft.dotnet-interactive'.version
        & dotnet tool update --global Microsoft.dotnet-interactive --version $version --allow-downgrade
        & dotnet interactive jupyter install
        if ($LASTEXITCODE -ne 0) { throw 'the kernels could not be registered' }
    }
}
finally { Pop-Location }
