# Answers requests, one line of JSON each, until its input ends: runs a script in a folder and tells what each stream got.
$ProgressPreference = 'SilentlyContinue'
$InformationPreference = 'SilentlyContinue'
Import-Module $env:LOWRANK_MANIFEST
function ConvertTo-Fault($record) {
    @{
        Id       = $record.FullyQualifiedErrorId
        Category = "$($record.CategoryInfo.Category)"
        Target   = "$($record.TargetObject)"
        Message  = "$record"
        Remedy   = "$($record.ErrorDetails.RecommendedAction)"
    }
}
while ($null -ne ($line = [Console]::In.ReadLine())) {
    $request = $line | ConvertFrom-Json
    Set-Location -LiteralPath $request.Folder
    $reply = @{ Output = @(); Errors = @(); Warnings = @(); Verbose = @(); Thrown = $null }
    try {
        & ([scriptblock]::Create($request.Script)) *>&1 | ForEach-Object {
            if ($_ -is [System.Management.Automation.ErrorRecord]) { $reply.Errors += ConvertTo-Fault $_ }
            elseif ($_ -is [System.Management.Automation.WarningRecord]) { $reply.Warnings += "$_" }
            elseif ($_ -is [System.Management.Automation.VerboseRecord]) { $reply.Verbose += "$_" }
            else { $reply.Output += , $_ }
        }
    }
    catch { $reply.Thrown = ConvertTo-Fault $_ }
    [Console]::Out.WriteLine("`n@@reply " + ($reply | ConvertTo-Json -Depth 6 -Compress -EnumsAsStrings -WarningAction Ignore))
}
