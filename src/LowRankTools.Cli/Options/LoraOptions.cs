using System.CommandLine;
using System.CommandLine.Parsing;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Cli.Options;

/// <summary>Where and how adapters are written, and how their ranks are chosen.</summary>
internal sealed class LoraOptions
{
    private readonly Option<string?> _outputPath = new("--output-path")
    {
        Description = "A .safetensors file in kohya's layout or LoTR's, a .gguf file in llama.cpp's, or a folder in PEFT's; by default beside the source.",
        HelpName = "path",
    };

    private readonly Option<string?> _layout = SharedOptions.Choice("--layout", "Layout to write; by default what --output-path asks for, or else the source's own.", nameof(AdapterLayout.Peft), nameof(AdapterLayout.Kohya), nameof(AdapterLayout.Gguf), nameof(AdapterLayout.OnnxRuntime), nameof(AdapterLayout.Lotr));

    private readonly Option<string?> _dtype = SharedOptions.Choice("--dtype", "Element type of the factors; by default the source's own.",
        nameof(TensorDType.F16), nameof(TensorDType.BF16), nameof(TensorDType.F32), nameof(TensorDType.F64));

    private readonly Option<bool> _force = new("--force") { Description = "Replace an existing adapter." };
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Say what would be written, exactly, and write nothing." };
    private readonly Option<int?> _maxRank = SharedOptions.Number<int>("--max-rank", "Most components of a module, whatever the rule says.", r => r >= 1, "a rank is a whole number, at least 1");
    private readonly List<(Option Option, Func<ParseResult, AdapterRank> Rule)> _rules = [];

    private LoraOptions()
    {
    }

    /// <summary>Without any rule: where and how alone.</summary>
    public static LoraOptions OutputOnly() => new();

    /// <summary>With all rules.</summary>
    public static LoraOptions All()
    {
        LoraOptions options = new();
        options.Offer<int>("--rank", "Components to keep of every module, at least 1.", r => r >= 1, "a rank is a whole number, at least 1", r => new AdapterRank.Fixed(r));
        options.Offer<double>("--energy", "Keep this share of the squared singular values; above 0, at most 1.", IsShare, "a share is above 0 and at most 1", s => new AdapterRank.Energy(s));
        options.Offer<double>("--cumulative-ratio", "Keep this share of the sum of singular values; above 0, at most 1.", IsShare, "a share is above 0 and at most 1", s => new AdapterRank.Cumulative(s));
        options.Offer<double>("--sigma-ratio", "Keep singular values that are at least the largest one divided by this; at least 1.", r => r is >= 1 and <= double.MaxValue, "a ratio is at least 1", r => new AdapterRank.Ratio(r));
        return options;
    }

    /// <summary>The scale of adapters that do not say theirs.</summary>
    public static Option<double?> Alpha() => SharedOptions.Number<double>("--alpha", "Numerator of the scale, for adapters that do not say theirs.", a => double.IsFinite(a) && a != 0, "an alpha is a number other than zero");

    /// <summary>The model that adapters belong to.</summary>
    public static Option<string> BasePath(string description) => new("--base-path") { Description = description, HelpName = "path", Required = true };

    /// <summary>Adds the options.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="ruleRequired">Whether a rule must be given.</param>
    public void AddTo(Command command, bool ruleRequired)
    {
        foreach (Option option in _rules.Select(r => r.Option).Concat(_rules.Count > 0 ? [_maxRank] : []).Concat([_outputPath, _layout, _dtype, _force, _whatIf]))
            command.Add(option);
        command.Validators.Add(result => Check(result, ruleRequired));
    }

    /// <summary>Whether a rule was given.</summary>
    public bool HasRule(CommandResult result) => _rules.Exists(r => result.GetResult(r.Option) is not null);

    /// <summary>The rule that was given; null for none.</summary>
    public AdapterRank? Rank(ParseResult parsed) =>
        _rules.Where(r => parsed.GetResult(r.Option) is not null).Select(r => r.Rule(parsed) with { MaxRank = parsed.GetValue(_maxRank) }).FirstOrDefault();

    /// <summary>Where and how to write.</summary>
    public AdapterOutputOptions Output(ParseResult parsed) => new()
    {
        OutputPath = parsed.GetValue(_outputPath),
        Layout = parsed.GetValue(_layout) is { } layout ? Enum.Parse<AdapterLayout>(layout, ignoreCase: true) : null,
        DType = parsed.GetValue(_dtype) is { } dtype ? Enum.Parse<TensorDType>(dtype, ignoreCase: true) : null,
        Force = parsed.GetValue(_force),
        WhatIf = parsed.GetValue(_whatIf),
    };

    private static bool IsShare(double share) => share is > 0 and <= 1;

    private void Check(CommandResult result, bool ruleRequired)
    {
        if (result.GetValue(_outputPath) is { Length: 0 })
            result.AddError("An --output-path is not empty.");
        if (_rules.Count == 0)
            return;
        int given = _rules.Count(r => result.GetResult(r.Option) is not null);
        string names = $"{string.Join(", ", _rules.SkipLast(1).Select(r => r.Option.Name))} and {_rules[^1].Option.Name}";
        if (given > 1 || given == 0 && ruleRequired)
            result.AddError($"Give exactly one of {names}.");
        else if (given == 0 && result.GetResult(_maxRank) is not null)
            result.AddError($"A --max-rank goes with one of {names}.");
    }

    private void Offer<T>(string name, string description, Func<T, bool> range, string must, Func<T, AdapterRank> rule)
        where T : struct, ISpanParsable<T>
    {
        Option<T?> option = SharedOptions.Number(name, description, range, must);
        _rules.Add((option, parsed => rule(parsed.GetValue(option)!.Value)));
    }
}
