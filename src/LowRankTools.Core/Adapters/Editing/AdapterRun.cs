using System.Diagnostics;
using System.Runtime.ExceptionServices;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>What operations share that compute an adapter's modules and write them: side by side, then whole or not at all.</summary>
/// <param name="Writer">Where the adapter goes.</param>
/// <param name="Rule">What is done, for the result.</param>
/// <param name="Name">Name of the adapter that is made.</param>
internal sealed record AdapterRun(AdapterWriter Writer, string Rule, string Name)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Full paths of what is read, for the result.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>Parameters of what is read.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Computes every module and writes the adapter; under WhatIf computes it all the same, because ranks follow from values.</summary>
    /// <param name="count">Modules.</param>
    /// <param name="name">Name of one.</param>
    /// <param name="compute">Makes one, by its number; null for one that adds nothing.</param>
    /// <param name="sideBySide">Whether modules are small, so that each gets one thread.</param>
    /// <param name="progress">Told about every module.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too.</param>
    public AdapterResult Run(int count, Func<int, string> name, Func<int, ComputedModule?> compute, bool sideBySide, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        Writer.Check();
        ComputedModule?[] modules = new ComputedModule?[count];
        try
        {
            Compute(modules, name, compute, sideBySide, progress, cancellationToken);
            List<ComputedModule> made = [.. modules.OfType<ComputedModule>()];
            if (made.Count == 0)
                throw new LowRankToolsException(CoreErrors.NothingToFactorize, $"{Sources[0]}: there is no difference that an adapter could stand for.", "Compare the models with Compare-ModelWeight.");
            return Written(made, cancellationToken);
        }
        finally
        {
            foreach (ComputedModule? module in modules)
                module?.Factors.Dispose();
        }
    }

    private AdapterResult Written(List<ComputedModule> made, CancellationToken cancellationToken)
    {
        List<AdapterFactors> factors = [.. made.Select(m => m.Factors)];
        List<AdapterModuleResult> calibrated = [.. made.Select(m => m.Result).Where(m => m.CalibratedError is not null)];
        AdapterResult result = new()
        {
            Path = Writer.Location.WeightsPath,
            Sources = Sources,
            Name = Name,
            Rule = Rule,
            Layout = Writer.Layout,
            Written = false,
            ParametersBefore = ParametersBefore,
            Parameters = factors.Sum(f => f.Parameters),
            Bytes = Writer.Bytes(factors),
            RelativeError = Together(made.Select(m => (m.Result.RelativeError, m.Result.Norm))),
            CalibratedError = calibrated.Count == 0 ? null : Together(calibrated.Select(m => (m.CalibratedError!.Value, m.CalibratedNorm!.Value))),
            Modules = made.Select(m => m.Result).ToArray(),
            Displaced = Writer.Displaced(factors),
        };
        if (Writer.Options.WhatIf)
            return result;
        (string path, string note) = Writer.Write(factors, cancellationToken);
        return result with { Path = path, Written = true, Note = note, Seconds = _clock.Elapsed.TotalSeconds };
    }

    private static double Together(IEnumerable<(double Error, double Norm)> modules)
    {
        double lost = modules.Sum(m => Math.Pow(m.Error * m.Norm, 2)), whole = modules.Sum(m => m.Norm * m.Norm);
        return whole == 0 ? 0 : Math.Sqrt(lost / whole);
    }

    private static void Compute(ComputedModule?[] modules, Func<int, string> name, Func<int, ComputedModule?> compute, bool sideBySide, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        int done = 0;
        object telling = new();
        ParallelOptions options = new() { CancellationToken = cancellationToken, MaxDegreeOfParallelism = sideBySide ? Environment.ProcessorCount : 1 };
        try
        {
            Parallel.For(0, modules.Length, options, i =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                modules[i] = compute(i);
                lock (telling)
                    progress?.Report(new OperationProgress("Computing", name(i), ++done, modules.Length));
            });
        }
        catch (AggregateException e)
        {
            // Whichever module came first in time, the same one is told of each time.
            ExceptionDispatchInfo.Throw(e.InnerExceptions.OrderBy(inner => inner.Message, StringComparer.Ordinal).First());
        }
    }
}
