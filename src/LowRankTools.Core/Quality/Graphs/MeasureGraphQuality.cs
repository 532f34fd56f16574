using System.Diagnostics;
using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality.Graphs;

/// <summary>Holds graphs of ONNX against the one that they were made from: the same inputs through both, in ONNX Runtime.</summary>
/// <param name="options">Inputs, characters.</param>
/// <param name="reference">The original.</param>
public sealed class MeasureGraphQuality(GraphQualityOptions options, ModelSource reference)
{
    /// <summary>Whether a model is a graph that can be run as it is.</summary>
    /// <param name="source">The model.</param>
    public static bool IsGraph(ModelSource source) => Path.GetExtension(source.Path).Equals(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Measures one model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="progress">Told about every sample.</param>
    /// <param name="cancellationToken">Stops between and inside runs.</param>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>PathNotFound</c>; <c>EngineUnavailable</c>: ONNX Runtime is not there; <c>GraphNotRun</c>: it does not take a graph;
    /// <c>GraphsDiffer</c>: the graphs have other inputs or outputs; <c>InputMissing</c>, <c>InputInvalid</c>: what they are given does not fit; <c>CharactersDoNotFit</c>, <c>TextInvalid</c>;
    /// <c>NonFiniteValues</c>; those of opening a model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GraphQuality Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        Stopwatch clock = Stopwatch.StartNew();
        CtcCharacters? characters = options.CharacterPath is { } path ? CtcCharacters.Read(path) : null;
        long bytes = Bytes(source), referenceBytes = Bytes(reference);
        OnnxRuntimeLibrary runtime = OnnxRuntimeLibrary.Require();
        using OnnxSession theirs = OnnxSession.Open(runtime, reference.Path, options.ThreadCount), ours = OnnxSession.Open(runtime, source.Path, options.ThreadCount);
        RequireAlike(ours, theirs, "input", s => s.Inputs);
        RequireAlike(ours, theirs, "output", s => s.Outputs);

        OutputComparison[] comparisons = [.. theirs.Outputs.Select(o => new OutputComparison(o.Name))];
        List<GraphText> texts = [];
        List<double> own = [], original = [];
        int samples = options.InputPaths.Count > 0 ? options.InputPaths.Count : options.Samples ?? 1;
        for (int sample = 0; sample < samples; sample++)
        {
            progress?.Report(new OperationProgress("Running", source.Name, sample, samples));
            OnnxValue[] inputs = options.InputPaths.Count > 0 ? GraphInputs.Read(options.InputPaths[sample], theirs.Inputs) : GraphInputs.Random(theirs.Inputs, options.InputShapes, options.Seed, sample);
            // In turns, so that neither always comes to caches that the other has warmed.
            OnnxValue[] x, y;
            if (sample % 2 == 0)
                (y, x) = (Timed(theirs, inputs, original, cancellationToken), Timed(ours, inputs, own, cancellationToken));
            else
                (x, y) = (Timed(ours, inputs, own, cancellationToken), Timed(theirs, inputs, original, cancellationToken));
            for (int i = 0; i < comparisons.Length; i++)
                Named(source, () => comparisons[i].Add(x[i], y[i]));
            if (characters is not null)
                texts.AddRange(Texts(characters, comparisons, x, y, sample));
        }
        return new GraphQuality
        {
            Path = source.Path,
            Name = source.Name,
            Reference = reference.Path,
            Bytes = bytes,
            ReferenceBytes = referenceBytes,
            Runtime = $"ONNX Runtime {runtime.Version}",
            Inputs = options.InputPaths.Count > 0 ? string.Join(", ", options.InputPaths.Select(Path.GetFullPath)) : GraphInputs.Describe(theirs.Inputs, options.InputShapes, options.Seed),
            Samples = samples,
            Outputs = [.. comparisons.Select(c => c.Result())],
            Characters = characters?.Path,
            Texts = texts,
            ForwardSeconds = Median(own),
            ReferenceForwardSeconds = Median(original),
            Seconds = clock.Elapsed.TotalSeconds,
        };
    }

    private void RequireAlike(OnnxSession ours, OnnxSession theirs, string what, Func<OnnxSession, IReadOnlyList<OnnxPort>> ports)
    {
        (IReadOnlyList<OnnxPort> x, IReadOnlyList<OnnxPort> y) = (ports(ours), ports(theirs));
        if (x.Count == y.Count && x.Zip(y).All(pair => pair.First.IsLike(pair.Second)))
            return;
        throw new LowRankToolsException(CoreErrors.GraphsDiffer, $"{ours.Path}: its {what}s are {string.Join(", ", x)}, and those of {reference.Path} are {string.Join(", ", y)}.",
            "Name the graph that it was made from with -ReferencePath.");
    }

    private static OnnxValue[] Timed(OnnxSession session, OnnxValue[] inputs, List<double> seconds, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        OnnxValue[] outputs = session.Run(inputs, cancellationToken);
        seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        return outputs;
    }

    private static IEnumerable<GraphText> Texts(CtcCharacters characters, OutputComparison[] comparisons, OnnxValue[] x, OnnxValue[] y, int sample)
    {
        int output = characters.OutputAmong(y);
        int[][] own = CtcCharacters.Decode(comparisons[output].Numbers(x[output]), x[output].Sizes), original = CtcCharacters.Decode(comparisons[output].Numbers(y[output]), y[output].Sizes);
        return own.Zip(original, (ours, theirs) => (ours, theirs))
            .Select((pair, row) => new GraphText(sample + 1, row + 1, characters.Text(pair.theirs), characters.Text(pair.ours), CtcCharacters.Distance(pair.ours, pair.theirs), pair.theirs.Length));
    }

    private static void Named(ModelSource source, Action work)
    {
        try
        {
            work();
        }
        catch (LowRankToolsException e)
        {
            throw e.In(source.Path);
        }
    }

    private static long Bytes(ModelSource source)
    {
        using TensorFile file = TensorFiles.Open(source.Path);
        return file.FileBytes;
    }

    // What the first run pays for is paid once.
    private static double Median(List<double> seconds)
    {
        double[] counted = [.. seconds.Skip(seconds.Count > 1 ? 1 : 0).Order()];
        return counted.Length % 2 == 1 ? counted[counted.Length / 2] : (counted[counted.Length / 2 - 1] + counted[counted.Length / 2]) / 2;
    }
}
