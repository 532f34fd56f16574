using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tests.Adapters;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Quality;

/// <summary>The figures of quality are what their definitions say, computed here a second time from single runs.</summary>
public sealed class MeasureQualityTests : IDisposable
{
    private const double Tolerance = 1e-5;

    private static readonly BertConfig s_encoder = new() { Vocabulary = 40, Width = 16, Depth = 2, Heads = 2, Hidden = 32, Positions = 12 };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 40, Positions = 12, Width = 16, Depth = 2, Heads = 2, Hidden = 32 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData(Pooling.First)]
    public void Cosines_and_correlations_are_those_of_single_runs(Pooling? pooling)
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder);
        int[][] lines = Lines(9);
        ModelQuality quality = new MeasureQuality(Options() with { Pooling = pooling, BatchSize = 4 }, dense).Run(small);
        double[][] a = Embed(dense, lines, pooling), b = Embed(small, lines, pooling);
        double[] cosines = [.. a.Zip(b, Cosine)];
        Assert.Equal(cosines.Average(), quality.MeanCosine!.Value, Tolerance);
        Assert.Equal(cosines.Min(), quality.MinCosine!.Value, Tolerance);
        Assert.Equal(Array.IndexOf(cosines, cosines.Min()) + 1, quality.WorstLine);
        (int, int)[] pairs = [.. Enumerable.Range(0, 9).SelectMany(i => Enumerable.Range(0, i).Select(j => (i, j)))];
        double[] x = [.. pairs.Select(p => Cosine(a[p.Item1], a[p.Item2]))], y = [.. pairs.Select(p => Cosine(b[p.Item1], b[p.Item2]))];
        Assert.Equal(36, quality.Pairs);
        Assert.Equal(Pearson(x, y), quality.Pearson!.Value, 1e-4);
        Assert.InRange(quality.MeanCosine.Value, 0, 1 - 1e-7);
        Assert.Equal((9, lines.Sum(l => l.Length)), (quality.Lines, (int)quality.Tokens));
    }

    [Fact]
    public void Accuracy_and_agreement_are_those_of_single_runs()
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder with { Labels = 3, Positions = 32 });
        int[][] lines = Lines(24);
        int[] theirs = [.. lines.Select(l => Class(dense, l))], ours = [.. lines.Select(l => Class(small, l))], labels = [.. Enumerable.Range(0, 24).Select(i => i % 3)];
        File.WriteAllLines(_folder["labels.txt"], labels.Select(l => l.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        double Share(int[] x, int[] y) => x.Zip(y, (a, b) => a == b ? 1.0 : 0).Average();
        ModelQuality quality = new MeasureQuality(Options() with { BatchSize = 5, LabelPath = _folder["labels.txt"] }, dense).Run(small);
        Assert.Equal((Share(ours, theirs), Share(ours, labels), Share(theirs, labels)), (quality.Agreement!.Value, quality.Accuracy!.Value, quality.ReferenceAccuracy!.Value));
        ModelQuality without = new MeasureQuality(Options(), dense).Run(dense);
        Assert.Equal((1, null), (without.Agreement!.Value, without.Accuracy));
        // Right by its own word, whatever that is; half of it named and not numbered.
        string config = File.ReadAllText(_folder["dense/config.json"]);
        File.WriteAllText(_folder["dense/config.json"], config.Replace("\"model_type\"", "\"label2id\": { \"low\": 0, \"mid\": 1, \"high\": 2 },\n  \"model_type\"", StringComparison.Ordinal));
        File.WriteAllLines(_folder["labels.txt"], theirs.Select((c, i) => i % 2 == 0 ? c.ToString(System.Globalization.CultureInfo.InvariantCulture) : ((string[])["low", "mid", "high"])[c]));
        ModelQuality own = new MeasureQuality(Options() with { LabelPath = _folder["labels.txt"] }, dense).Run(small);
        Assert.Equal((1, own.Agreement), (own.ReferenceAccuracy!.Value, own.Accuracy));
    }

    [Theory]
    [InlineData("0\n1", CoreErrors.TextInvalid)]
    [InlineData("0\n1\n3", CoreErrors.TextInvalid)]
    [InlineData("0\n1\nhigh", CoreErrors.TextInvalid)]
    public void Labels_that_are_none_are_refused(string labels, string id)
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder with { Labels = 3 });
        Lines(3);
        File.WriteAllText(_folder["labels.txt"], labels);
        QualityOptions options = Options() with { LabelPath = _folder["labels.txt"] };
        Assert.Equal(id, Assert.ThrowsAny<LowRankToolsException>(() => new MeasureQuality(options, dense).Run(small)).ErrorId);
        File.WriteAllText(_folder["labels.txt"], "0\n1\n2");
        Assert.NotNull(new MeasureQuality(options, dense).Run(small).Accuracy);
        ModelSource plain = new ModelFolder(s_encoder).Write(_folder["plain"]);
        Assert.Equal(CoreErrors.InputInvalid, Assert.ThrowsAny<LowRankToolsException>(() => new MeasureQuality(options, plain).Run(plain)).ErrorId);
        Assert.Equal(CoreErrors.PathNotFound, Assert.ThrowsAny<LowRankToolsException>(() => new MeasureQuality(options with { LabelPath = _folder["none.txt"] }, dense).Run(small)).ErrorId);
    }

    private static int Class(ModelSource source, int[] line)
    {
        using RunnableModel model = RunnableModel.Open(source);
        using NetworkOutput output = model.Forward(new TokenBatch(line, 1));
        double[] scores = model.Engine.ToArray(output.Logits!);
        return Array.IndexOf(scores, scores.Max());
    }

    [Fact]
    public void Perplexity_is_that_of_single_runs_whatever_the_batch()
    {
        (ModelSource dense, ModelSource small) = Models(s_language);
        int[][] lines = Lines(7);
        ModelQuality one = new MeasureQuality(Options() with { BatchSize = 1 }, dense).Run(small), many = new MeasureQuality(Options() with { BatchSize = 5 }, dense).Run(small);
        Assert.Equal(Perplexity(small, lines), one.Perplexity!.Value, 1e-4 * one.Perplexity.Value);
        Assert.Equal(Perplexity(dense, lines), one.ReferencePerplexity!.Value, 1e-4 * one.ReferencePerplexity.Value);
        Assert.Equal(one.Perplexity.Value, many.Perplexity!.Value, 1e-4 * one.Perplexity.Value);
        Assert.Equal(lines.Sum(l => l.Length - 1), one.Predictions);
        Assert.NotEqual(one.Perplexity.Value, one.ReferencePerplexity.Value, 1e-3);
    }

    [Fact]
    public void A_model_is_wholly_like_itself()
    {
        ModelSource dense = new ModelFolder(s_encoder).Write(_folder["dense"]);
        Lines(9);
        ModelQuality self = new MeasureQuality(Options(), dense).Run(dense);
        Assert.Equal((1, 1, 1), (self.MeanCosine!.Value, self.Pearson!.Value, self.Spearman!.Value), s_near);
        ModelSource language = new ModelFolder(s_language).Write(_folder["language"]);
        ModelQuality same = new MeasureQuality(Options(), language).Run(language);
        Assert.Equal(same.ReferencePerplexity, same.Perplexity);
    }

    [Fact]
    public void DoRA_beside_the_weights_answers_as_merged_into_them()
    {
        ModelSource dense = new ModelFolder(s_encoder).Write(_folder["dense"]);
        Lines(9);
        string[] modules;
        using (Model model = Model.Open(dense))
            modules = [.. model.Layers.Where(l => l.Shape.Kind == LayerKind.Linear && l.Tensor.Shape is [16, 16]).Take(3).Select(l => LayerNames.Module(l.Shape.Name))];
        Assert.Equal(3, modules.Length);
        ModelSource adapter = TestAdapter.Peft(_folder["adapter"], """{"r":2,"lora_alpha":1,"use_dora":true}""", [.. modules.SelectMany((module, i) => (IEnumerable<(string, long[], float[])>)
            [.. TestAdapter.PeftModule(module, i, 16, 2, 16), ($"base_model.model.{module}.lora_magnitude_vector", [16], [.. Enumerable.Range(0, 16).Select(j => 3f + 0.2f * j)])])]);
        string merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged"] }).Run(dense, adapter).Path;
        MeasureQuality measure = new(Options() with { Adapter = adapter }, new ModelSource(merged, "merged"));
        Assert.InRange(measure.Run(dense).MinCosine!.Value, 1 - 1e-6, 1 + 1e-6);
        Assert.InRange(new MeasureQuality(Options(), new ModelSource(merged, "merged")).Run(dense).MinCosine!.Value, -1, 1 - 1e-3);
    }

    [Fact]
    public void Thread_counts_change_no_bit()
    {
        (ModelSource dense, ModelSource small) = Models(s_encoder);
        Lines(9);
        ModelQuality one = new MeasureQuality(Options() with { ThreadCount = 1 }, dense).Run(small), two = new MeasureQuality(Options() with { ThreadCount = 2 }, dense).Run(small);
        Assert.Equal((one.MeanCosine, one.Pearson, one.Spearman), (two.MeanCosine, two.Pearson, two.Spearman));
    }

    [Fact]
    public void Models_of_other_tokens_are_not_compared()
    {
        ModelSource dense = new ModelFolder(s_encoder).Write(_folder["dense"]), other = new ModelFolder(s_encoder with { Vocabulary = 50 }).Write(_folder["other"]);
        Lines(3);
        Assert.Equal(CoreErrors.InputInvalid, Assert.Throws<LowRankToolsException>(() => new MeasureQuality(Options(), dense).Run(other)).ErrorId);
    }

    [Fact]
    public void Ranks_of_equals_are_their_mean()
    {
        double[] x = [1, 2, 2, 3], y = [10, 30, 20, 40];
        // Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4.
        Assert.Equal(Pearson([1, 2.5, 2.5, 4], [1, 3, 2, 4]), Correlation.Spearman(x, y)!.Value, 1e-12);
        Assert.Equal(1, Correlation.Spearman(x, [.. x.Select(v => Math.Exp(v))])!.Value, 1e-12);
        Assert.Null(Correlation.Pearson([1, 1, 1], [1, 2, 3]));
        Assert.Null(Correlation.Pearson([1], [1]));
    }

    private static readonly Comparer s_near = new();

    private sealed class Comparer : IEqualityComparer<(double, double, double)>
    {
        public bool Equals((double, double, double) x, (double, double, double) y) =>
            Math.Abs(x.Item1 - y.Item1) < 1e-9 && Math.Abs(x.Item2 - y.Item2) < 1e-9 && Math.Abs(x.Item3 - y.Item3) < 1e-9;

        public int GetHashCode((double, double, double) value) => 0;
    }

    private QualityOptions Options() => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] } };

    private (ModelSource Dense, ModelSource Small) Models(TransformerConfig config)
    {
        ModelSource dense = new ModelFolder(config).Write(_folder["dense"]);
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), OutputPath = _folder["small"] }).Run(dense);
        return (dense, new ModelSource(small.Path, "small"));
    }

    private int[][] Lines(int count)
    {
        Random random = new(5);
        int[][] lines = [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, 2 + i).Select(_ => random.Next(40)).ToArray())];
        File.WriteAllLines(_folder["tokens.txt"], lines.Select(l => string.Join(' ', l)));
        return lines;
    }

    private static double[][] Embed(ModelSource source, int[][] lines, Pooling? pooling)
    {
        using RunnableModel model = RunnableModel.Open(source);
        return [.. lines.Select(ids =>
        {
            using NetworkOutput output = model.Forward(new TokenBatch(ids));
            double[] states = model.Engine.ToArray(output.Hidden);
            int width = output.Hidden.Shape[1];
            return Enumerable.Range(0, width).Select(j => pooling == Pooling.First ? states[j] : Enumerable.Range(0, ids.Length).Average(i => states[i * width + j])).ToArray();
        })];
    }

    private static double Perplexity(ModelSource source, int[][] lines)
    {
        using RunnableModel model = RunnableModel.Open(source);
        double sum = 0;
        foreach (int[] ids in lines)
        {
            using NetworkOutput output = model.Forward(new TokenBatch(ids));
            double[] logits = model.Engine.ToArray(output.Logits!);
            int classes = output.Logits!.Shape[1];
            for (int i = 0; i + 1 < ids.Length; i++)
                sum += Math.Log(logits.Skip(i * classes).Take(classes).Sum(Math.Exp)) - logits[i * classes + ids[i + 1]];
        }
        return Math.Exp(sum / lines.Sum(l => l.Length - 1));
    }

    private static double Cosine(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum() / Math.Sqrt(a.Sum(x => x * x) * b.Sum(y => y * y));

    private static double Pearson(double[] x, double[] y)
    {
        double mx = x.Average(), my = y.Average();
        return x.Zip(y, (a, b) => (a - mx) * (b - my)).Sum() / Math.Sqrt(x.Sum(a => (a - mx) * (a - mx)) * y.Sum(b => (b - my) * (b - my)));
    }
}
