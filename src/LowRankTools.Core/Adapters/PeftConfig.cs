using System.Text.RegularExpressions;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>What PEFT's <c>adapter_config.json</c> says of ranks and scales.</summary>
internal sealed class PeftConfig
{
    /// <summary>Name of the file beside the weights.</summary>
    public const string FileName = "adapter_config.json";

    // Real configurations have some hundreds of patterns, one a module; each is tried on each module.
    private const int MostPatterns = 4096;
    private const int LongestPattern = 512;

    // These leave the base model changed: on the model as it was, the adapter's product alone is another delta.
    private static readonly string[] s_changesBase = ["pissa", "olora", "corda"];

    private static readonly string[] s_kept = ["base_model_name_or_path", "task_type", "revision"];

    private readonly ConfigFile _file;
    private readonly List<(Regex Pattern, double Value)> _ranks;
    private readonly List<(Regex Pattern, double Value)> _alphas;
    private readonly int _rank;
    private readonly double _alpha;
    private readonly bool _rootScaling;

    private PeftConfig(ConfigFile file, bool ofProducts, bool onChangedBase)
    {
        _file = file;
        string kind = file.Text("peft_type", "LORA");
        string[] kinds = ofProducts ? ["LOHA", "LOKR"] : ["LORA"];
        if (!kinds.Contains(kind, StringComparer.OrdinalIgnoreCase))
            throw Unsupported($"it is of type {kind}, and its tensors are of type {string.Join(" or ", kinds)}");
        string? start = file.Has("init_lora_weights") ? TextOf("init_lora_weights") : null;
        Start = s_changesBase.FirstOrDefault(s => start?.StartsWith(s, StringComparison.OrdinalIgnoreCase) == true);
        CheckBase(onChangedBase);
        _rank = file.Int("r", 8);
        _alpha = file.Number(ofProducts ? "alpha" : "lora_alpha", 8);
        _rootScaling = file.Flag("use_rslora", false);
        FanInFanOut = file.Flag("fan_in_fan_out", false);
        _ranks = Patterns("rank_pattern");
        _alphas = Patterns("alpha_pattern");
    }

    /// <summary>The start from the base model's weights, which changed them: pissa, olora, corda; null for none.</summary>
    public string? Start { get; }

    /// <summary>Whether weights are stored (in, out).</summary>
    public bool FanInFanOut { get; }

    /// <summary>What the configuration says beside ranks and is kept in a new one.</summary>
    public IEnumerable<(string Field, string Value)> Kept =>
        s_kept.Where(_file.Has).Select(f => (f, _file.Text(f)));

    /// <summary>Reads the file beside an adapter's weights; null where there is none.</summary>
    /// <param name="weights">Full path of the weights.</param>
    /// <param name="ofProducts">Whether the weights are LoHa's or LoKr's.</param>
    /// <param name="onChangedBase">Whether the adapter is for a base that such a start has changed.</param>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>, <c>AdapterUnsupported</c>.</exception>
    public static PeftConfig? Beside(string weights, bool ofProducts = false, bool onChangedBase = false) =>
        LowRankTools.Formats.IO.SiblingPath.Companion(Path.GetDirectoryName(weights)!, FileName) is { } path ? new PeftConfig(ConfigFile.Read(path), ofProducts, onChangedBase) : null;

    /// <summary>The scale of a product whose factors need not show the rank: alpha / r.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>: the configuration says another rank.</exception>
    public double Scaling(string module, int? rank) => Scaling(module, rank ?? (int)(Find(_ranks, module) ?? _rank));

    /// <summary>The scale of a module's product: alpha / r, or alpha / sqrt(r).</summary>
    /// <param name="module">Its full name.</param>
    /// <param name="rank">The rank that its factors have.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>: the configuration says another rank.</exception>
    public double Scaling(string module, int rank)
    {
        double said = Find(_ranks, module) ?? _rank;
        if (said != rank)
        {
            throw new LowRankToolsException(CoreErrors.AdapterInvalid, $"{_file.Path}: it says rank {said} for '{module}', whose factors have rank {rank}.",
                "Use the configuration that was saved with these weights.");
        }
        double alpha = Find(_alphas, module) ?? _alpha;
        return _rootScaling ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    private void CheckBase(bool onChangedBase)
    {
        if (Start is not null && !onChangedBase)
            throw Unsupported($"it was started by {Start}, which changes the base model's own weights");
        if (_file.Has("alora_invocation_tokens"))
            throw Unsupported("it acts after certain tokens only");
    }

    // The field is true, false or a method's name.
    private string? TextOf(string field)
    {
        try
        {
            return _file.Text(field);
        }
        catch (LowRankToolsException)
        {
            return null;
        }
    }

    /// <summary>PEFT takes the first pattern, as a regular expression for the name's end from a dot on.</summary>
    private static double? Find(List<(Regex Pattern, double Value)> patterns, string module)
    {
        foreach ((Regex pattern, double value) in patterns)
        {
            if (pattern.IsMatch(module))
                return value;
        }
        return null;
    }

    private List<(Regex, double)> Patterns(string field)
    {
        if (_file.Inner(field) is not { } patterns)
            return [];
        IReadOnlyList<string> names = patterns.Names();
        if (names.Count > MostPatterns)
            throw _file.Invalid($"'{field}' has {names.Count} patterns; {MostPatterns} is the most.");
        return [.. names.Select(name => (Compile(field, name), patterns.Number(name)))];
    }

    private Regex Compile(string field, string pattern)
    {
        if (pattern.Length > LongestPattern)
            throw _file.Invalid($"'{field}' has a pattern of {pattern.Length} characters; {LongestPattern} is the most.");
        try
        {
            // Without backtracking no pattern takes more than linear time.
            return new Regex($@"\A(.*\.)?({pattern})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw _file.Invalid($"'{field}' has the pattern '{pattern}', which is no regular expression that is read here.", e);
        }
    }

    private LowRankToolsException Unsupported(string why) =>
        new(CoreErrors.AdapterUnsupported, $"{_file.Path}: the adapter is not worked on here: {why}.", "Have PEFT convert it to a plain LoRA adapter first.");
}
