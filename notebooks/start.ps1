# Loads the module for the PowerShell cells of notebooks, and for the scripts that are made of them.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$PSStyle.OutputRendering = 'PlainText'

# Models are written here. Quick runs measure for a shorter time and are right in everything else.
$Work = (New-Item -ItemType Directory -Force (Join-Path ([IO.Path]::GetTempPath()) 'lowrank-notebooks')).FullName
$Quick = $env:LOWRANK_NOTEBOOK -eq 'quick'

$extension = 'LowRankTools.Interactive.NotebookSession' -as [type]
if ($extension) {
    # The notebook's PowerShell is older than the manifest asks for: the module's assembly and views are loaded by themselves.
    $bin = Split-Path (Split-Path $extension.Assembly.Location)
    Import-Module (Join-Path $bin 'LowRankTools.PowerShell.dll')
    Update-FormatData -PrependPath (Join-Path (Split-Path $bin) 'LowRankTools.format.ps1xml')
    $Host.UI.RawUI.BufferSize = [Management.Automation.Host.Size]::new(120, 50)
    $global:PSDefaultParameterValues['Out-String:Width'] = 120
}
else {
    $clone = Join-Path (Split-Path $PSScriptRoot) 'LowRankTools.psd1'
    if (Test-Path (Join-Path (Split-Path $PSScriptRoot) 'module/bin/LowRankTools.PowerShell.dll')) { Import-Module $clone }
    else { Import-Module LowRankTools }
}

# Says that a claim of the text holds, or stops.
function Assert-Claim {
    [CmdletBinding()]
    param([Parameter(Mandatory)] [string] $Claim, [Parameter(Mandatory)] [bool] $Holds)
    if (-not $Holds) { throw "does not hold: $Claim" }
    "holds: $Claim"
}

# Shows figures, or plots results: below the cell in a notebook, as a picture file in a script.
function Show-LowRankFigure {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, ValueFromPipeline)] [object] $InputObject,
        # A builder of [LowRankTools.Core.Figures.Plot] for what is piped: Spectrum, ErrorByLayer, Pareto and so on.
        [string] $Plot,
        # Its second argument: the plan whose ranks are marked in a spectrum, for instance.
        [object] $With
    )
    begin { $items = [Collections.Generic.List[object]]::new() }
    process { $items.Add($InputObject) }
    end {
        $figures = $items
        if ($Plot) {
            # PowerShell's arrays are of no type, and builders take sequences of one.
            $typed = [Array]::CreateInstance($items[0].GetType(), $items.Count)
            for ($i = 0; $i -lt $items.Count; $i++) { $typed[$i] = $items[$i] }
            $takesOne = [LowRankTools.Core.Figures.Plot].GetMethods() | Where-Object { $_.Name -eq $Plot -and $_.GetParameters()[0].ParameterType -eq $items[0].GetType() }
            $first = if ($takesOne) { $items[0] } else { , $typed }
            $figures = if ($null -eq $With) { [LowRankTools.Core.Figures.Plot]::$Plot($first) } else { [LowRankTools.Core.Figures.Plot]::$Plot($first, $With) }
        }
        foreach ($figure in $figures) {
            if ('LowRankTools.Interactive.NotebookSession' -as [type]) { [LowRankTools.Interactive.NotebookSession]::Show($figure) }
            else {
                $file = Join-Path $Work (($figure.Title -replace '\W+', '-').Trim('-') + '.svg')
                [IO.File]::WriteAllText($file, $figure.ToSvg())
                "Figure: $file"
            }
        }
    }
}

$engine = Get-LowRankEngine | Where-Object Available | Select-Object -First 1
"LowRankTools on .NET $([Environment]::Version.Major), engine $($engine.Name) on $($engine.Device), $($engine.InstructionSet), $($engine.ThreadCount) threads."
