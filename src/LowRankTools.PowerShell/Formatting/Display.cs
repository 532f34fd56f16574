using System.ComponentModel;
using System.Globalization;
using System.Text;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Memory;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Speed;
using LowRankTools.Core.Text;

namespace LowRankTools.PowerShell.Formatting;

/// <summary>How figures look in the module's views: the same text in every culture.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Display
{
    private const int ShownValues = 4;
    private const int ShortestName = 12;

    private static readonly string[] s_units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>A name as far as it fits beside figures, on the screen that there is.</summary>
    /// <param name="name">Name of a layer or a model.</param>
    /// <param name="others">Columns of the screen that the view's other cells and the spaces between them take at most.</param>
    public static string Name(string name, int others) => ShortName.Of(SafeText.Line(name), Math.Clamp(Screen.Columns() - others, ShortestName, ShortName.Longest));

    /// <summary>A text in lines that break between words, where a view's last column would break inside of them.</summary>
    /// <param name="text">Sentences.</param>
    /// <param name="others">Columns of the screen that the view's other cells and the spaces between them take.</param>
    public static string Wrapped(string text, int others)
    {
        int width = Math.Max(ShortestName, Screen.Columns() - others), column = 0;
        StringBuilder lines = new();
        foreach (string word in Text(text).Split(' '))
        {
            bool fits = column > 0 && column + 1 + word.Length <= width;
            if (column > 0)
                lines.Append(fits ? ' ' : '\n');
            lines.Append(word);
            column = word.Length + (fits ? column + 1 : 0);
        }
        return lines.ToString();
    }

    /// <summary>A name or path in full, without what a screen would obey; empty for null.</summary>
    public static string Text(string? text) => text is null ? string.Empty : SafeText.Line(text);

    /// <summary>A count with group separators: <c>45,555,200</c>; empty for null.</summary>
    public static string Count(long? count) => count?.ToString("N0", CultureInfo.InvariantCulture) ?? string.Empty;

    /// <summary>Bytes in the largest unit (of 1024) that leaves a whole digit: <c>173.8 MB</c>; empty for null.</summary>
    public static string Bytes(long? bytes)
    {
        if (bytes is not { } value)
            return string.Empty;
        int unit = 0;
        double size = value;
        while (Math.Abs(size) >= 1023.95 && unit < s_units.Length - 1)
        {
            size /= 1024;
            unit++;
        }
        return $"{size.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture)} {s_units[unit]}";
    }

    /// <summary>Four decimals below 10, two above; nothing where there is no number.</summary>
    public static string Figure(double? value) => value?.ToString(Math.Abs(value.Value) < 10 ? "0.0000" : "N2", CultureInfo.InvariantCulture) ?? string.Empty;

    /// <summary>The figure that a model is judged by: perplexity and the original's, or the mean cosine.</summary>
    public static string Figures(ModelQuality? quality) => quality is null ? string.Empty
        : quality.Perplexity is { } perplexity ? $"perplexity {Figure(perplexity)} ({Figure(quality.ReferencePerplexity)})" : $"mean cosine {Figure(quality.MeanCosine)}";

    /// <summary>One line a step.</summary>
    public static string Steps(IReadOnlyList<CompressStep> steps) => Lines(steps.Select(s => new[] { s.Name, Seconds(s.Seconds), s.Figures }));

    /// <summary>A share of one: <c>22.0 %</c>; empty for null.</summary>
    public static string Percent(double? share) =>
        share is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value * 100:0.0} %") : string.Empty;

    /// <summary>A relative error with three digits: <c>0.590</c>, or <c>3.21e-08</c> where that says nothing; empty for null.</summary>
    public static string Error(double? error) => error switch
    {
        null => string.Empty,
        0 => "0",
        >= 0.001 and < 1000 => error.Value.ToString("0.000", CultureInfo.InvariantCulture),
        _ => error.Value.ToString("0.00e+00", CultureInfo.InvariantCulture),
    };

    /// <summary>The error of a weight and, where its pair was calibrated, that on the calibration inputs: <c>0.260 / 0.040</c>; empty for null.</summary>
    public static string Errors(double? relative, double? calibrated) => calibrated is null ? Error(relative) : $"{Error(relative)} / {Error(calibrated)}";

    /// <summary>Seconds: <c>1.31 s</c>; empty for null.</summary>
    public static string Seconds(double? seconds) =>
        seconds is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value:0.00} s") : string.Empty;

    /// <summary>A time with three digits, in the unit that suits it: <c>31.2 us</c>, <c>4.18 ms</c>, <c>1.56 s</c>; empty for null.</summary>
    public static string Duration(double? seconds)
    {
        if (seconds is not { } value)
            return string.Empty;
        return value < 0.9995e-3 ? $"{Rate(value * 1e6)} us" : value < 0.9995 ? $"{Rate(value * 1e3)} ms" : $"{Rate(value)} s";
    }

    /// <summary>A factor or a rate with three digits or so: <c>1.87</c>, <c>184</c>; empty for null.</summary>
    public static string Rate(double? rate) => rate is { } value
        ? value.ToString(value < 9.995 ? "0.00" : value < 99.95 ? "0.0" : "0", CultureInfo.InvariantCulture) : string.Empty;

    /// <summary>Several runs: <c>4.18 ms (4.01 ms to 4.52 ms, 12 runs of 1 call after 2 calls to warm up)</c>.</summary>
    public static string Times(RunTimes? times) => times is null ? string.Empty
        : $"{Duration(times.MedianSeconds)} ({Duration(times.MinimumSeconds)} to {Duration(times.MaximumSeconds)}, {Plural(times.Runs, "run")} of {Plural(times.CallsPerRun, "call")} after {Plural(times.WarmUpRuns, "call")} to warm up)";

    /// <summary>What a layer does: <c>604 MFLOP, 11.3 MB moved at least</c>.</summary>
    public static string Work(LayerWork work)
    {
        (double scaled, string unit) = work.Flops < 999.5e6 ? (work.Flops / 1e6, "MFLOP") : work.Flops < 999.5e9 ? (work.Flops / 1e9, "GFLOP") : (work.Flops / 1e12, "TFLOP");
        return $"{Rate(scaled)} {unit}, {Bytes(work.Bytes)} moved at least";
    }

    /// <summary>A layer that was timed, by its shape: <c>512 x 512, 72 layers</c>.</summary>
    public static string Layer(LayerSpeed speed) =>
        $"{new MatrixShape(speed.OutFeatures, speed.InFeatures)}{(speed.Path is null ? string.Empty : $", {Plural(speed.Layers, "layer")}")}";

    /// <summary>What was timed on what: <c>Embedded on cpu, AVX-512, 2 threads, 128 tokens</c>.</summary>
    public static string Conditions(LayerSpeed speed) =>
        $"{speed.Engine}, {speed.InstructionSet}, {Plural(speed.ThreadCount, "thread")}, {Plural(speed.BatchSize, "token")}";

    /// <summary>What a model was timed on: <c>Embedded on cpu, AVX-512, 2 threads, batch of 1, 512 tokens</c>.</summary>
    public static string Conditions(ModelSpeed speed) =>
        $"{speed.Engine}, {speed.InstructionSet}, {Plural(speed.ThreadCount, "thread")}, batch of {Count(speed.BatchSize)}, {Plural(speed.Tokens, "token")}";

    /// <summary>What memory was estimated for: <c>weights as stored, cache in F16, batch of 1. Activations ...</c>.</summary>
    public static string Conditions(ModelMemory memory) =>
        Wrapped($"weights {(memory.WeightDType.Contains(' ', StringComparison.Ordinal) ? string.Empty : "in ")}{memory.WeightDType}, cache in {memory.CacheDType}, batch of {Count(memory.BatchSize)}. {string.Join(' ', memory.Assumptions)}", "   Estimated for: ".Length);

    /// <summary>The form a model ran in: <c>dense</c>, <c>98 pairs</c>, or <c>rank 64</c> where it was factorized in memory.</summary>
    public static string Form(ModelSpeed speed) =>
        speed.Rank is { } rank ? string.Create(CultureInfo.InvariantCulture, $"rank {rank}") : speed.Pairs > 0 ? Plural(speed.Pairs, "pair") : "dense";

    private static string Plural(long count, string noun) => $"{Count(count)} {noun}{(count == 1 ? string.Empty : "s")}";

    /// <summary>A measure between one and a rank: <c>12.3</c>.</summary>
    public static string Ratio(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>The largest singular values, and how many there are: <c>8.000, 4.000, 2.000, 1.000, ... (50)</c>.</summary>
    public static string Spectrum(IReadOnlyList<double> values)
    {
        string first = string.Join(", ", values.Take(ShownValues).Select(v => Error(v)));
        return values.Count <= ShownValues ? first : string.Create(CultureInfo.InvariantCulture, $"{first}, ... ({values.Count})");
    }

    /// <summary>The fall of a spectrum as a row of blocks, or of ASCII for consoles that know no more.</summary>
    public static string Sparkline(IReadOnlyList<double> values, bool blocks) => LowRankTools.Core.Figures.Sparkline.Of(values, blocks);

    /// <summary>Totals by name, one a line, the largest first: <c>Linear  44,302,336</c>.</summary>
    public static string Totals(IReadOnlyDictionary<string, long> totals) => Lines(
        totals.OrderByDescending(t => t.Value).ThenBy(t => t.Key, StringComparer.Ordinal).Select(t => new[] { Text(t.Key), Count(t.Value) }));

    /// <summary>Layers, one a line: name, kind, shape, type, parameters; empty for null.</summary>
    public static string Layers(IReadOnlyList<LayerShape>? layers) => Lines(
        (layers ?? []).Select(l => new[] { Text(l.Name), l.Kind.ToString(), l.Shape.ToString(), l.DType, Count(l.Parameters) }));

    private static string Lines(IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        if (all.Length == 0)
            return string.Empty;
        int[] widths = [.. Enumerable.Range(0, all[0].Length).Select(i => all.Max(r => r[i].Length))];
        StringBuilder text = new();
        foreach (string[] row in all)
        {
            // Words to the left, the figure at the end to the right.
            for (int i = 0; i < row.Length - 1; i++)
                text.Append(row[i].PadRight(widths[i] + 2));
            text.Append(row[^1].PadLeft(widths[^1])).Append('\n');
        }
        return text.ToString().TrimEnd('\n');
    }
}
