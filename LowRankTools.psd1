@{
    RootModule           = 'module/bin/LowRankTools.PowerShell.dll'
    ModuleVersion        = '0.1.0'
    GUID                 = '6f1c7b52-6f0f-4d2c-9b55-3f2c8f6f9a41'
    Author               = 'The LowRankTools authors'
    CompanyName          = 'LowRankTools'
    Copyright            = 'Copyright (c) The LowRankTools authors. MIT licence.'
    Description          = 'Counts, plans, factorizes, merges and compares the weights of neural networks: low-rank matrix factorization on an engine of its own, no Python needed.'
    PowerShellVersion    = '7.6'
    CompatiblePSEditions = @('Core')
    TypesToProcess       = @('module/LowRankTools.types.ps1xml')
    FormatsToProcess     = @('module/LowRankTools.format.ps1xml')
    FunctionsToExport    = @()
    CmdletsToExport      = @(
        'Compare-ModelWeight'
        'Compress-LowRankModel'
        'Convert-LoraAdapter'
        'Export-LoraAdapter'
        'Export-LowRankCalibration'
        'Export-LowRankReport'
        'Export-RankPlan'
        'Get-LayerShapes'
        'Get-LayerSpectrum'
        'Get-LowRankEngine'
        'Import-RankPlan'
        'Install-LowRankEngine'
        'Invoke-LowRankFactorization'
        'Invoke-TensorDecomposition'
        'Join-LoraAdapter'
        'Join-LowRankPart'
        'Measure-LayerSpeed'
        'Measure-LowRankEngine'
        'Measure-ModelQuality'
        'Measure-ModelMemory'
        'Measure-ModelSpeed'
        'Measure-ParameterCount'
        'Merge-LoraAdapter'
        'Merge-LowRankFactor'
        'New-LoraAdapter'
        'New-RankPlan'
        'New-TransformerModel'
        'Optimize-LoraAdapter'
        'Optimize-LowRankModel'
        'Resize-LoraAdapter'
        'Resize-TransformerModel'
        'Test-LoraAdapter'
        'Uninstall-LowRankEngine'
    )
    VariablesToExport    = @()
    AliasesToExport      = @('Get-LayerShape')
    PrivateData          = @{
        PSData = @{
            Tags       = @('NeuralNetwork', 'LowRank', 'SVD', 'Compression', 'Safetensors', 'PyTorch', 'ONNX', 'GGUF', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            LicenseUri = 'https://opensource.org/license/mit'
        }
    }
}
