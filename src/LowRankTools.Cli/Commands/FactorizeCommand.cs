using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Text;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank factorize</c>: writes smaller models whose weight matrices are pairs of low rank.</summary>
internal sealed class FactorizeCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly RuleOptions _rules = RuleOptions.PerLayer();
    private readonly Option<string?> _plan = new("--plan") { Description = "Take the ranks from a plan that lowrank plan --output wrote.", HelpName = "file" };
    private readonly Option<bool> _anyModel = new("--any-model") { Description = "Carry the plan out on another model that has the planned layers too." };
    private readonly Option<string?> _method = MethodOption.Create();
    private readonly Option<IReadOnlyList<int>[]> _splits = MethodOption.Splits();
    private readonly Option<string[]> _transposed = MethodOption.Transposed();
    private readonly Option<string[]> _include = SharedOptions.Include();
    private readonly Option<string[]> _exclude = SharedOptions.Exclude();
    private readonly Option<bool> _includeEmbedding = new("--include-embedding") { Description = "Factorize embeddings too." };
    private readonly OutputOptions _output = new();
    private readonly Option<string?> _split = SharedOptions.Choice("--split", "Which factor the singular values go to; balanced by default.", Enum.GetNames<FactorSplit>());
    private readonly Option<int?> _shareBasis = SharedOptions.ShareBasis();
    private readonly Option<string[]> _shareBasisExclude = SharedOptions.ShareBasisExclude();
    private readonly Option<bool> _firstBias = new("--first-bias") { Description = "Write zero biases for both factors, for modules whose pairs have them." };
    private readonly Option<ulong?> _seed = SharedOptions.Number<ulong>("--seed", "Seed of the randomized algorithms; 0 by default.", _ => true, "a seed is a whole number, not negative");
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly Option<PartNumber?> _part = PartOption.Create();
    private readonly QuantizeOptions _quantize = QuantizeOptions.One();
    private readonly Option<string?> _sparsity = SharedOptions.Choice("--dense-sparsity", "Zero two of every four inputs of linear weights that stay dense.", "2:4");
    private readonly CalibrationOptionsGroup _calibration = new();
    private readonly Option<bool> _noCache = SharedOptions.NoCache();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    private FactorizeCommand() => _paths.Arity = ArgumentArity.ZeroOrMore;

    public static Command Create(ConsoleContext console)
    {
        FactorizeCommand self = new();
        Command command = new("factorize", "Replace weight matrices by pairs of low rank and write the smaller models.") { self._paths, self._recurse };
        command.Add(self._plan);
        command.Add(self._anyModel);
        self._rules.AddTo(command, self._plan);
        command.Add(self._method);
        command.Add(self._splits);
        command.Add(self._transposed);
        command.Add(self._include);
        command.Add(self._exclude);
        command.Add(self._includeEmbedding);
        self._output.AddTo(command);
        foreach (Option option in new Option[] { self._split, self._shareBasis, self._shareBasisExclude, self._firstBias, self._seed, self._threadCount, self._noCache, self._part, self._sparsity })
            command.Add(option);
        self._quantize.AddTo(command);
        self._calibration.AddTo(command);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.Validators.Add(result =>
        {
            if (result.GetResult(self._plan) is null && result.GetValue(self._paths) is not { Length: > 0 })
                result.AddError("Name models; only a --plan knows its own.");
        });
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        FactorizeOptions options = Options(parsed, console);
        PartNumber? part = parsed.GetValue(_part);
        FactorizeModel whole = new(options);
        FactorizePart? share = part is { } number ? new FactorizePart(options, number) : null;
        share?.Validate();
        OutputClaims claims = new();
        string[] paths = parsed.GetRequiredValue(_paths) is { Length: > 0 } named ? named : [PlannedModel(options.Plan!)];
        return new ModelRun(console).Each(paths, parsed.GetValue(_recurse), source =>
        {
            claims.Claim(share?.Location(source) ?? whole.Location(source), source);
            FactorizationResult result = ProgressBar.Run(console, progress => share?.Run(source, progress, console.Cancellation) ?? whole.Run(source, progress, console.Cancellation));
            if (result.Uncalibrated.Count > 0)
                console.Error.WriteLine(SafeText.Line($"note: the calibration has nothing on {string.Join(", ", result.Uncalibrated)}; only the weight was looked at there."));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                FactorizeReport.Write(result, options.Svd.ThreadCount, console);
            console.Out.Flush();
        });
    }

    private static string PlannedModel(RankPlan plan) => plan.Path ?? throw new LowRankToolsException(CoreErrors.PlanModelMismatch,
        "The plan was made for bare shapes: it has no model.", "Name the model, with -AnyModel.");

    private FactorizeOptions Options(ParseResult parsed, ConsoleContext console) => new()
    {
        Rule = _rules.Rule(parsed),
        Plan = parsed.GetValue(_plan) is { } plan ? RankPlanFile.Read(Path.GetFullPath(plan)) : null,
        AnyModel = parsed.GetValue(_anyModel),
        Method = MethodOption.Choice(parsed.GetValue(_method)),
        Splits = parsed.GetValue(_splits) ?? [],
        Selection = new LayerSelection
        {
            Include = SharedOptions.Patterns(parsed.GetValue(_include)),
            Exclude = SharedOptions.Patterns(parsed.GetValue(_exclude)),
            Transposed = SharedOptions.Patterns(parsed.GetValue(_transposed)),
            IncludeEmbedding = parsed.GetValue(_includeEmbedding),
        },
        OutputPath = _output.Path(parsed),
        Format = _output.Format(parsed),
        DType = _output.DType(parsed),
        Quantize = _quantize.Kind(parsed),
        QuantizeDense = _quantize.Dense(parsed),
        DenseTwoOfFour = parsed.GetValue(_sparsity) is not null,
        Split = parsed.GetValue(_split) is { } split ? Enum.Parse<FactorSplit>(split, ignoreCase: true) : FactorSplit.Balanced,
        ShareBasis = parsed.GetValue(_shareBasis) ?? 0,
        ShareBasisExclude = SharedOptions.Patterns(parsed.GetValue(_shareBasisExclude)),
        FirstBias = parsed.GetValue(_firstBias),
        Calibration = _calibration.Choice(parsed),
        MaxShardBytes = _output.MaxShardBytes(parsed),
        Force = _output.Force(parsed),
        UseCache = !parsed.GetValue(_noCache),
        WhatIf = _output.WhatIf(parsed),
        Engine = _engine.Choice(parsed, console),
        Svd = new SvdOptions { Seed = parsed.GetValue(_seed) ?? 0, ThreadCount = parsed.GetValue(_threadCount) ?? 0 },
    };
}
