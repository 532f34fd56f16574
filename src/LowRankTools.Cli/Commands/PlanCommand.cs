using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tokens;
using LowRankTools.Formats.Tensors;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank plan</c>: a rank for every layer by one rule.</summary>
internal sealed class PlanCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths(required: false);
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<MatrixShape[]> _shape = SharedOptions.Shapes();
    private readonly RuleOptions _rules = RuleOptions.All();
    private readonly Option<int?> _minRank = SharedOptions.Number<int>("--min-rank", "Smallest rank of a pair; 1 by default.", n => n >= 1, "a rank is a whole number, at least 1");
    private readonly Option<int?> _multiple = SharedOptions.Number<int>("--multiple", "Ranks are multiples of this; 1 by default.", n => n >= 1, "a multiple is a whole number, at least 1");
    private readonly Option<int?> _shareBasis = SharedOptions.ShareBasis();
    private readonly Option<string[]> _shareBasisExclude = SharedOptions.ShareBasisExclude();
    private readonly Option<LayerOverride[]> _layerRank = LayerRankOption.Create();
    private readonly Option<string?> _method = MethodOption.Create();
    private readonly Option<IReadOnlyList<int>[]> _splits = MethodOption.Splits();
    private readonly Option<string[]> _transposed = MethodOption.Transposed();
    private readonly Option<string[]> _include = SharedOptions.Include();
    private readonly Option<string[]> _exclude = SharedOptions.Exclude();
    private readonly Option<bool> _includeEmbedding = new("--include-embedding") { Description = "Choose embeddings too." };
    private readonly Option<string?> _weighting = SharedOptions.Choice("--weighting", "How the errors of layers are added up; relative by default, calibrated with a --calibration.", Enum.GetNames<Weighting>());
    private readonly QuantizeOptions _quantize = QuantizeOptions.Several();
    private readonly CalibrationOptionsGroup _calibration = new();
    private readonly Option<string?> _text = new("--text-path") { Description = "A text on which the model is run to exchange ranks between its layers, one text a line: none that the calibration or the judgement has.", HelpName = "file" };
    private readonly Option<string?> _tokens = new("--token-path") { Description = "A file of token ids in place of that text, one sequence a line.", HelpName = "file" };
    private readonly Option<int?> _lines = SharedOptions.Number<int>("--max-lines", "Most lines of it that are used; all by default.", n => n >= 1, "a number of lines is a whole number, at least 1");
    private readonly Option<string?> _pooling = SharedOptions.Choice("--pooling", "How an encoder's embedding is made of its states; its own by default where it has one, else their mean.", Enum.GetNames<Pooling>());
    private readonly TrialOptions _trials = new(1);
    private readonly Option<bool> _adapter = new("--adapter") { Description = "Plan adapters: the weights stay, and only what is trained beside them counts." };
    private readonly Option<string?> _dtype = SharedOptions.Choice("--dtype", "Element type of the factors; by default the source's own.",
        nameof(TensorDType.F16), nameof(TensorDType.BF16), nameof(TensorDType.F32), nameof(TensorDType.F64));
    private readonly Option<string?> _output = new("--output") { Description = "File to write the plan to, for factorize --plan.", HelpName = "file" };
    private readonly Option<bool> _force = new("--force") { Description = "Replace an existing file." };
    private readonly Option<bool> _noCache = SharedOptions.NoCache();
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly EngineOptions _engine = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        PlanCommand self = new();
        Command command = new("plan", "Choose a rank for every layer by one rule, and tell what it costs.") { self._paths, self._recurse, self._shape };
        self._rules.AddTo(command);
        foreach (Option option in new Option[] { self._minRank, self._multiple, self._shareBasis, self._shareBasisExclude, self._layerRank, self._method, self._splits, self._transposed, self._include, self._exclude, self._includeEmbedding, self._weighting, self._text, self._tokens, self._lines, self._pooling, self._adapter,
            self._dtype, self._output, self._force, self._noCache, self._threadCount })
            command.Add(option);
        self._quantize.AddTo(command);
        self._calibration.AddTo(command, refit: false);
        self._trials.AddTo(command);
        self._engine.AddTo(command);
        command.Add(self._json);
        command.Validators.Add(result =>
        {
            if (result.GetResult(self._shape) is not null == result.GetValue(self._paths) is { Length: > 0 })
                result.AddError("Name models, or give shapes with --shape.");
            if (result.GetResult(self._text) is null && result.GetResult(self._tokens) is null && (self._trials.IsGiven(result) || result.GetResult(self._lines) is not null || result.GetResult(self._pooling) is not null))
                result.AddError("--trials, --measure, --max-lines and --pooling need a --text-path or a --token-path.");
        });
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        MakePlan operation = new(Options(parsed, console));
        string? output = parsed.GetValue(_output);
        RankPlanWriter writer = new(parsed.GetValue(_force));
        if (parsed.GetValue(_shape) is { Length: > 0 } shapes)
        {
            Show(ProgressBar.Run(console, progress => operation.Run(shapes, progress, console.Cancellation)));
            return ExitCode.Success;
        }
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse),
            source => Show(ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation))));

        void Show(RankPlan plan)
        {
            if (output is not null)
                writer.Write(plan, Path.GetFullPath(output));
            if (parsed.GetValue(_json))
                console.Out.WriteLine(RankPlanFile.ToLine(plan));
            else
                PlanReport.Write(plan, console);
            console.Out.Flush();
        }
    }

    private PlanOptions Options(ParseResult parsed, ConsoleContext console) => new()
    {
        Rule = _rules.Rule(parsed)!,
        Method = MethodOption.Choice(parsed.GetValue(_method)),
        Splits = parsed.GetValue(_splits) ?? [],
        Selection = new LayerSelection
        {
            Include = SharedOptions.Patterns(parsed.GetValue(_include)),
            Exclude = SharedOptions.Patterns(parsed.GetValue(_exclude)),
            Transposed = SharedOptions.Patterns(parsed.GetValue(_transposed)),
            IncludeEmbedding = parsed.GetValue(_includeEmbedding),
        },
        Overrides = parsed.GetValue(_layerRank) ?? [],
        MinRank = parsed.GetValue(_minRank) ?? 1,
        Multiple = parsed.GetValue(_multiple) ?? 1,
        ShareBasis = parsed.GetValue(_shareBasis) ?? 0,
        ShareBasisExclude = SharedOptions.Patterns(parsed.GetValue(_shareBasisExclude)),
        Weighting = parsed.GetValue(_weighting) is { } weighting ? Enum.Parse<Weighting>(weighting, ignoreCase: true) : _calibration.Choice(parsed) is null ? Weighting.Relative : Weighting.Calibrated,
        Calibration = _calibration.Choice(parsed),
        Measured = parsed.GetValue(_text) is null && parsed.GetValue(_tokens) is null ? null : new MeasuredPlanOptions
        {
            Input = new InputText { TextPath = Full(parsed.GetValue(_text)), TokenPath = Full(parsed.GetValue(_tokens)), MaxLines = parsed.GetValue(_lines) },
            Measure = _trials.Measure(parsed),
            Trials = _trials.Trials(parsed),
            Pooling = parsed.GetValue(_pooling) is { } pooling ? Enum.Parse<Pooling>(pooling, ignoreCase: true) : null,
        },
        IsAdapter = parsed.GetValue(_adapter),
        DType = parsed.GetValue(_dtype) is { } dtype ? Enum.Parse<TensorDType>(dtype, ignoreCase: true) : null,
        Quantize = _quantize.Kinds(parsed),
        QuantizeDense = _quantize.Dense(parsed),
        UseCache = !parsed.GetValue(_noCache),
        Engine = _engine.Choice(parsed, console),
        Svd = new SvdOptions { ThreadCount = parsed.GetValue(_threadCount) ?? 0 },
    };

    private static string? Full(string? path) => path is null ? null : Path.GetFullPath(path);
}
