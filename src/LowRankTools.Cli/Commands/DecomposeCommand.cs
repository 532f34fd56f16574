using System.CommandLine;
using System.Globalization;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Text;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Expressions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Formats;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank decompose</c>: writes models whose tensors are factors of a tensor decomposition.</summary>
internal sealed class DecomposeCommand
{
    private readonly Argument<string[]> _paths = SharedOptions.Paths();
    private readonly Option<bool> _recurse = SharedOptions.Recurse();
    private readonly Option<string?> _method = SharedOptions.Choice("--method", "How tensors are decomposed.", [.. DecompositionMethods.All.Select(m => m.Name)]);
    private readonly Option<string?> _expression = new("--expression") { Description = "Factors to fit in place of a method's, as einsum has them: ir,jr,kr->ijk.", HelpName = "einsum" };
    private readonly Option<string[]> _nonNegative = SharedOptions.List("--non-negative", "Factors of the expression that have no negative entry, with commas between them.", "name", name => name);
    private readonly Option<double?> _sparsePenalty = SharedOptions.Number<double>("--sparse-penalty", "Weight of the sum of all factors' magnitudes in a fit by expression.", p => p is >= 0 and <= double.MaxValue, "a penalty is not negative");
    private readonly Option<double?> _ridgePenalty = SharedOptions.Number<double>("--ridge-penalty", "Weight of the sum of all factors' squares in a fit by expression.", p => p is >= 0 and <= double.MaxValue, "a penalty is not negative");
    private readonly Option<int[]> _rank = SharedOptions.Numbers("--rank", "One rank for all places, or one for each with commas between them.", "ranks are whole numbers, at least 1");
    private readonly Option<double?> _tolerance = SharedOptions.Number<double>("--tolerance", "Largest relative error of a tensor; 0 or more and below 1.", t => t is >= 0 and < 1, "a tolerance is 0 or more and below 1");
    private readonly Option<int[]> _mode = SharedOptions.List("--mode", "Modes that Tucker reduces, from 0, with commas between them; all by default.", "number", Mode);
    private readonly Option<int?> _maxIteration = SharedOptions.Number<int>("--max-iteration", "Most sweeps of an iterative method.", n => n >= 0, "a count of sweeps is a whole number, not negative");
    private readonly Option<int?> _startCount = SharedOptions.Number<int>("--start-count", "Starts of an iterative method, of which the best is kept; 1 by default.", n => n >= 1, "a count of starts is a whole number, at least 1");
    private readonly Option<string[]> _include = SharedOptions.Include();
    private readonly Option<string[]> _exclude = SharedOptions.Exclude();
    private readonly Option<int?> _seed = SharedOptions.Number<int>("--seed", "Seed of random starts; 0 by default.", n => n >= 0, "a seed is a whole number, not negative");
    private readonly Option<int?> _threadCount = SharedOptions.ThreadCount();
    private readonly OutputOptions _output = new();
    private readonly Option<bool> _json = SharedOptions.Json();

    public static Command Create(ConsoleContext console)
    {
        DecomposeCommand self = new();
        Command command = new("decompose", "Replace tensors by the factors of a tensor decomposition and write the smaller models.") { self._paths, self._recurse };
        foreach (Option option in new Option[] { self._method, self._expression, self._nonNegative, self._sparsePenalty, self._ridgePenalty, self._rank, self._tolerance, self._mode, self._maxIteration, self._startCount, self._include, self._exclude, self._seed, self._threadCount })
            command.Add(option);
        self._output.AddTo(command);
        command.Add(self._json);
        command.Validators.Add(result =>
        {
            if ((result.GetResult(self._method) is null) == (result.GetResult(self._expression) is null))
                result.AddError("Give one of --method and --expression.");
            else if (result.GetResult(self._expression) is null && new Option[] { self._nonNegative, self._sparsePenalty, self._ridgePenalty }.Any(o => result.GetResult(o) is not null))
                result.AddError("Penalties and signs go with an --expression.");
        });
        command.SetAction(parsed => self.Run(parsed, console));
        return command;
    }

    private int Run(ParseResult parsed, ConsoleContext console)
    {
        DecomposeOptions options = Options(parsed);
        options.Validate();
        DecomposeTensors operation = new(options);
        OutputClaims claims = new();
        return new ModelRun(console).Each(parsed.GetRequiredValue(_paths), parsed.GetValue(_recurse), source =>
        {
            claims.Claim(operation.Location(source), source);
            DecompositionResult result = ProgressBar.Run(console, progress => operation.Run(source, progress, console.Cancellation));
            if (parsed.GetValue(_json))
                JsonLines.Write(console.Out, result);
            else
                DecomposeReport.Write(result, console);
            console.Out.Flush();
            foreach (TensorDecomposition tensor in result.Tensors.Where(t => t.Converged == false))
                console.Error.WriteLine(SafeText.Line($"warning: {tensor.Name} had not come to rest after {Figures.Plural(tensor.Iterations!.Value, "sweep")}; --max-iteration allows more"));
        });
    }

    private static int Mode(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int mode)
        ? mode : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"--mode {text}: modes are whole numbers from 0.");

    private Dictionary<string, FactorPenalty>? Penalties(ParseResult parsed)
    {
        if (parsed.GetValue(_expression) is not { } expression)
            return null;
        (double sparse, double ridge) = (parsed.GetValue(_sparsePenalty) ?? 0, parsed.GetValue(_ridgePenalty) ?? 0);
        Dictionary<string, FactorPenalty> all = TensorExpression.Parse(expression).Names.ToDictionary(n => n, _ => new FactorPenalty(sparse, ridge), StringComparer.Ordinal);
        foreach (string name in parsed.GetValue(_nonNegative) ?? [])
            all[name] = new FactorPenalty(sparse, ridge, NonNegative: true);
        return all;
    }

    private DecomposeOptions Options(ParseResult parsed) => new()
    {
        Method = parsed.GetValue(_method) ?? new ExpressionMethod(TensorExpression.Parse(parsed.GetValue(_expression)!)).Name,
        Decomposition = new DecompositionOptions
        {
            Ranks = parsed.GetValue(_rank) is { Length: > 0 } ranks ? ranks : null,
            Tolerance = parsed.GetValue(_tolerance),
            Modes = parsed.GetValue(_mode) is { Length: > 0 } modes ? modes : null,
            MaxIterations = parsed.GetValue(_maxIteration),
            Starts = parsed.GetValue(_startCount) ?? 1,
            Penalties = Penalties(parsed),
            Compute = new ComputeOptions { Seed = (ulong)(parsed.GetValue(_seed) ?? 0), ThreadCount = parsed.GetValue(_threadCount) ?? 0 },
        },
        Selection = new LayerSelection { Include = SharedOptions.Patterns(parsed.GetValue(_include)), Exclude = SharedOptions.Patterns(parsed.GetValue(_exclude)) },
        OutputPath = _output.Path(parsed),
        Format = _output.Format(parsed) ?? ModelFormat.Safetensors,
        DType = _output.DType(parsed),
        MaxShardBytes = _output.MaxShardBytes(parsed),
        Force = _output.Force(parsed),
        WhatIf = _output.WhatIf(parsed),
    };
}
