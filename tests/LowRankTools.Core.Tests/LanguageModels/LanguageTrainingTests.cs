using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.LanguageModel;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Training;

namespace LowRankTools.Core.Tests.LanguageModels;

/// <summary>A tiny version of the language model of tests/RealModels, from packages to a folder that the commands read.</summary>
public sealed class LanguageTrainingTests : IDisposable
{
    private static readonly LanguagePlan s_tiny = new(
        new LlamaConfig { Vocabulary = 300, Width = 32, Depth = 2, Heads = 2, KeyValueHeads = 2, HeadWidth = 16, Hidden = 64, Positions = 32, TiedHead = true }, Steps: 60, BatchSize: 8, Rate: 5e-3)
    { SaveEvery = 20 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_trained_folder_is_read_judged_and_compressed_as_any_other()
    {
        Packages();
        Dictionary<string, int> lines = DebianTexts.Write(_folder["packages"], _folder["texts"]).ToDictionary(t => t.Name, t => t.Lines);
        Assert.All(lines.Values, count => Assert.True(count > 0));
        string[][] texts = [.. lines.Keys.Select(name => File.ReadAllLines(_folder["texts/" + name]))];
        Assert.Equal(texts.Sum(t => t.Length), texts.SelectMany(t => t).Distinct().Count());
        Assert.DoesNotContain(texts.SelectMany(t => t), l => l.Contains('<', StringComparison.Ordinal) || l.Contains("drawing", StringComparison.Ordinal));

        TrainingCurve curve = new LanguageTraining(s_tiny, _ => { }).Run(_folder["texts"], _folder["model"]);
        ModelQuality quality = Judge();
        // Better than knowing nothing, which is one of 300 tokens, and than the model that it began as.
        Assert.True(quality.Perplexity < 150, $"perplexity {quality.Perplexity}");
        Assert.True(curve.Points[^1].Loss < curve.Points[0].Loss - 0.5);

        ModelSource model = new(_folder["model/model.safetensors"], "model");
        InputText text = new() { TextPath = _folder["texts/calibrate.txt"] };
        CalibrationResult calibration = new ExportCalibration(new ExportCalibrationOptions { Input = text, HeldOut = 0, OutputPath = _folder["c.safetensors"] }).Run(model);
        FactorizeOptions options = new() { Rule = new RankRule.KeepRatio(0.5), OutputPath = _folder["small"], Calibration = new CalibrationOptions { Path = calibration.Path } };
        ModelQuality small = new MeasureQuality(new QualityOptions { Input = text }, model).Run(new ModelSource(new FactorizeModel(options).Run(model).Path, "small"));
        Assert.InRange(small.Perplexity!.Value, small.ReferencePerplexity!.Value, 300);
    }

    [Fact]
    public void What_was_cancelled_comes_to_the_same_bytes()
    {
        Packages();
        DebianTexts.Write(_folder["packages"], _folder["texts"]);
        new LanguageTraining(s_tiny, _ => { }).Run(_folder["texts"], _folder["model"]);
        using CancellationTokenSource stop = new();
        int saved = 0;
        LanguageTraining stopped = new(s_tiny, line =>
        {
            if (line.StartsWith("step", StringComparison.Ordinal) && ++saved == 2)
                stop.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => stopped.Run(_folder["texts"], _folder["again"], stop.Token));
        Assert.False(File.Exists(_folder["again/model.safetensors"]));
        new LanguageTraining(s_tiny, _ => { }).Run(_folder["texts"], _folder["again"]);
        Assert.Equal(File.ReadAllBytes(_folder["model/model.safetensors"]), File.ReadAllBytes(_folder["again/model.safetensors"]));
        Assert.False(File.Exists(_folder["again/training.checkpoint"]));
    }

    private ModelQuality Judge()
    {
        ModelSource model = new(_folder["model/model.safetensors"], "model");
        return new MeasureQuality(new QualityOptions { Input = new InputText { TextPath = _folder["texts/judge.txt"] } }, model).Run(model);
    }

    /// <summary>Pages and fortunes of sentences that a small grammar makes.</summary>
    private void Packages()
    {
        string[] who = ["The old baker", "A young sailor", "My good neighbour", "The tired clerk"], does = ["carries", "paints", "mends", "forgets"], what = ["the wooden boat", "a loaf of bread", "the garden wall", "her letters"], when = ["in the morning", "every winter", "before the storm", "without a word"];
        Random random = new(4);
        string Sentence() => $"{who[random.Next(4)]} {does[random.Next(4)]} {what[random.Next(4)]} {when[random.Next(4)]}.";
        string Paragraph() => string.Join(' ', Enumerable.Range(0, 8).Select(_ => Sentence()));
        Directory.CreateDirectory(_folder["packages/doc"]);
        for (int page = 0; page < 6; page++)
            File.WriteAllText(_folder[$"packages/doc/page{page}.html"], "<html><h1>drawing</h1>" + string.Concat(Enumerable.Range(0, 30).Select(_ => $"<p class=\"a\">{Paragraph()} <b>So</b> it&nbsp;goes.</p>\n")) + "</html>");
        File.WriteAllText(_folder["packages/sayings"], string.Join("\n%\n", Enumerable.Range(0, 40).Select(_ => Paragraph())));
        File.WriteAllText(_folder["packages/sayings.dat"], "");
        File.WriteAllText(_folder["packages/no-fortunes"], "drawing\n%\n" + Paragraph());
    }
}
