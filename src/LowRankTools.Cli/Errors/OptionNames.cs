using System.Text.RegularExpressions;

namespace LowRankTools.Cli.Errors;

/// <summary>
/// Remedies speak of the cmdlets' parameters, which are this program's options under other names:
/// <c>-OutputPath</c> is <c>--output-path</c>, <c>Merge-LowRankFactor</c> is <c>lowrank merge</c>.
/// </summary>
internal static partial class OptionNames
{
    private static readonly (string Cmdlet, string Verb)[] s_verbs =
    [
        ("Get-LayerShapes", "lowrank shapes"),
        ("Get-LayerShape", "lowrank shapes"),
        ("Measure-ParameterCount", "lowrank count"),
        ("Measure-ModelMemory", "lowrank memory"),
        ("Invoke-LowRankFactorization", "lowrank factorize"),
        ("Invoke-TensorDecomposition", "lowrank decompose"),
        ("Compress-LowRankModel", "lowrank compress"),
        ("Export-LowRankCalibration", "lowrank calibrate"),
        ("Resize-TransformerModel", "lowrank resize"),
        ("Optimize-LowRankModel", "lowrank optimize"),
        ("Optimize-LoraAdapter", "lowrank lora optimize"),
        ("Measure-ModelQuality", "lowrank quality"),
        ("New-LoraAdapter", "lowrank lora new"),
        ("Merge-LowRankFactor", "lowrank merge"),
        ("Join-LowRankPart", "lowrank join"),
        ("Merge-LoraAdapter", "lowrank lora merge"),
        ("Resize-LoraAdapter", "lowrank lora resize"),
        ("Join-LoraAdapter", "lowrank lora join"),
        ("Export-LoraAdapter", "lowrank lora export"),
        ("Convert-LoraAdapter", "lowrank lora convert"),
        ("Test-LoraAdapter", "lowrank lora test"),
        ("Compare-ModelWeight", "lowrank compare"),
        ("Measure-LayerSpeed", "lowrank speed --shape"),
        ("Measure-ModelSpeed", "lowrank speed"),
        ("New-TransformerModel", "lowrank new"),
        ("Get-LayerSpectrum", "lowrank spectrum"),
        ("New-RankPlan", "lowrank plan"),
        ("Export-RankPlan", "lowrank plan --output"),
        ("Export-LowRankReport", "lowrank report"),
        ("Get-LowRankEngine", "lowrank engines"),
        ("Measure-LowRankEngine", "lowrank engines measure"),
        ("Uninstall-LowRankEngine", "lowrank engines uninstall"),
        ("Install-LowRankEngine", "lowrank engines install"),
    ];

    /// <summary>The text with this program's names in it.</summary>
    public static string Translate(string remedy)
    {
        foreach ((string cmdlet, string verb) in s_verbs)
            remedy = remedy.Replace(cmdlet, verb, StringComparison.Ordinal);
        return Parameter().Replace(remedy, match => ToOption(match.Groups[1].Value));
    }

    /// <summary><c>MaxShardSize</c> as <c>--max-shard-size</c>, <c>DType</c> as <c>--dtype</c>.</summary>
    public static string ToOption(string parameter) =>
        "--" + WordStart().Replace(parameter, "-").ToLowerInvariant();

    [GeneratedRegex(@"(?<![\w-])-([A-Z][A-Za-z]+)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Parameter();

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])", RegexOptions.CultureInvariant)]
    private static partial Regex WordStart();
}
