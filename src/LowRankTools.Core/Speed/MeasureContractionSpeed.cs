using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Factored;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Speed;

/// <summary>Times tensor contraction and regression layers against flattening and a dense layer on this machine.</summary>
/// <param name="options">Layer, ranks or a ratio, activations, engine, time.</param>
public sealed class MeasureContractionSpeed(ContractionSpeedOptions options)
{
    // The cheapest order is looked for among all orders of both sides' modes.
    private const int MostModes = 8;

    /// <summary>Times layers from one shape to another; a result for each layer and rank.</summary>
    /// <param name="input">Modes of what goes in.</param>
    /// <param name="output">Modes of what comes out; for a contraction as many.</param>
    /// <param name="progress">Told about every one.</param>
    /// <param name="cancellationToken">Stops between and inside products.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>EngineUnavailable</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ContractionSpeed> Run(Dimensions input, Dimensions output, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Require(input, output);
        ContractionMethod[] methods = options.Method is { } asked ? [asked]
            : [.. Enum.GetValues<ContractionMethod>().Where(m => m != ContractionMethod.Contraction || input.Count == output.Count)];
        (ContractionMethod Method, int[]? Ranks)[] layers = [.. methods.SelectMany(m => RanksOf(m, Sizes(input, output)).Select(r => (m, r)))];
        List<ContractionSpeed> results = [];
        foreach ((ContractionMethod method, int[]? ranks) in layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new OperationProgress("Measuring", ranks is null ? $"{method}" : $"{method}, ranks {string.Join(" x ", ranks)}", results.Count, layers.Length));
            results.Add(Measure(input, output, method, ranks, cancellationToken));
        }
        return results;
    }

    private ContractionSpeed Measure(Dimensions input, Dimensions output, ContractionMethod method, int[]? ranks, CancellationToken cancellationToken)
    {
        SelectedEngine selected = EngineSelector.Select(options.Engine);
        INetworkEngine engine = selected.CreateForNetworks(options.ThreadCount);
        ParameterFactory factory = new(engine);
        int[] inputs = Sizes(input), outputs = Sizes(output);
        using FactoredLinear factored = ranks is null
            ? new TensorContractionLayer(factory, inputs, outputs, bias: false) : new TensorRegressionLayer(factory, inputs, outputs, method.ToString(), ranks, bias: false);
        using Linear dense = new(factory, factored.InFeatures, factored.OutFeatures, bias: false);
        using ITensor activations = engine.Random(1, options.BatchSize, factored.InFeatures);
        IReadOnlyList<RunTimes> times = new AlternatingTimer(options.Timing).Measure(
        [
            () => DeviceWait.Run(engine, pass => dense.Forward(pass, activations), cancellationToken),
            () => DeviceWait.Run(engine, pass => factored.Forward(pass, activations), cancellationToken),
        ], cancellationToken: cancellationToken);
        long matrix = (long)factored.InFeatures * factored.OutFeatures;
        return new ContractionSpeed
        {
            InputShape = input,
            OutputShape = output,
            BatchSize = options.BatchSize,
            Method = method,
            Ranks = ranks is null ? null : [.. ranks.Select(r => (long)r)],
            ParametersBefore = matrix,
            Parameters = factored.CountParameters(),
            Dense = times[0],
            Factored = times[1],
            DenseFlops = checked(2 * options.BatchSize * matrix),
            FactoredFlops = (long)(2 * factored.MultiplyAddsFor(options.BatchSize)),
            Engine = selected.ToString(),
            InstructionSet = engine.Info.InstructionSet,
            ThreadCount = engine.Info.ThreadCount,
        };
    }

    /// <summary>Ranks of a layer's runs; one without ranks for a contraction.</summary>
    private IEnumerable<int[]?> RanksOf(ContractionMethod method, int[] shape)
    {
        if (method == ContractionMethod.Contraction)
            return [null];
        int[] most = Most(method, shape);
        if (options.Ranks.Count > 0)
            return options.Ranks.Distinct().Order().Select(r => At(most, r)).DistinctBy(r => string.Join(',', r));
        int low = 1, high = most.Max();
        while (low < high)
        {
            int middle = low + ((high - low + 1) / 2);
            if (Parameters(method, shape, At(most, middle)) <= options.KeepRatio * Length(shape))
                low = middle;
            else
                high = middle - 1;
        }
        return [At(most, low)];
    }

    private static int[] At(int[] most, int rank) => [.. most.Select(m => Math.Min(m, rank))];

    private static long Parameters(ContractionMethod method, int[] shape, int[] ranks) => DecompositionMethods.Find(method.ToString()).Factors(shape, ranks).Sum(f => f.Length);

    // Of CP there is no largest rank: none here has more parameters than the matrix, but for rank 1.
    private static int[] Most(ContractionMethod method, int[] shape) => method switch
    {
        ContractionMethod.Cp => [(int)Math.Max(1, Length(shape) / (1 + shape.Sum(n => (long)n)))],
        ContractionMethod.Tucker => shape,
        _ => [.. Enumerable.Range(1, shape.Length - 1).Select(k => (int)Math.Min(Length(shape[..k]), Length(shape[k..])))],
    };

    private void Require(Dimensions input, Dimensions output)
    {
        if (input.Count == 0 || output.Count == 0 || input.Count + output.Count > MostModes || input.Sizes.Concat(output.Sizes).Any(n => n < 1)
            || input.Sizes.Concat(output.Sizes).Aggregate(1.0, (product, n) => product * n) > int.MaxValue)
        {
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"({input}) to ({output}) are no modes of a layer that contracts.",
                $"Both sides have modes of at least 1, {MostModes} together at most, whose matrix has fewer than 2^31 entries, such as 64x7x7 to 10.");
        }
        if (options.Method == ContractionMethod.Contraction && input.Count != output.Count)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A contraction gives as many modes as it takes, and {output} is not as many as {input}.", "Choose another method, or as many modes.");
        if (options.Method == ContractionMethod.Contraction && options.Ranks.Count > 0)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A contraction has no ranks: its modes say what it keeps.", "Leave -Rank out.");
    }

    private static int[] Sizes(params Dimensions[] shapes) => [.. shapes.SelectMany(s => s.Sizes).Select(n => (int)n)];

    private static long Length(int[] shape) => shape.Aggregate(1L, (product, n) => product * n);
}
