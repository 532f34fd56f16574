using LowRankTools.Core.Architectures;
using LowRankTools.Core.Compression;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Records;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Compression;

/// <summary>One command does what its steps do, keeps work and judgement apart, and says so.</summary>
public sealed class CompressModelTests : IDisposable
{
    private static readonly BertConfig s_encoder = new() { Vocabulary = 60, Width = 32, Depth = 2, Heads = 4, Hidden = 64, Positions = 16 };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 60, Positions = 16, Width = 32, Depth = 2, Heads = 4, Hidden = 64 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_result_keeps_to_the_share_and_is_better_than_plain_truncation_of_that_size()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(300, 1);
        CompressResult result = new CompressModel(Options with { KeepRatio = 0.35, Trials = 40, Steps = 40, LearningRate = 2e-3 }).Run(source);
        Assert.Equal(["Calibrate", "Plan", "Factorize", "Judge", "Train", "Judge"], result.Steps.Select(s => s.Name));
        Assert.Equal((300, 27, 30), (result.Lines + result.SelectionLines + result.JudgedLines, result.SelectionLines, result.JudgedLines));
        Assert.InRange(result.Measurement!.After, result.Measurement.Before, 1);
        Assert.InRange(result.KeptRatio, 0.3, 0.35);
        Assert.True(result.Quality.MeanCosine > result.QualityBeforeTraining!.MeanCosine, $"{result.QualityBeforeTraining.MeanCosine} before, {result.Quality.MeanCosine} after the training");
        FactorizationResult plain = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.KeepRatio(0.35), OutputPath = _folder["plain"] }).Run(source);
        Write(50, 2);
        MeasureQuality measure = new(new QualityOptions { Input = Options.Input }, source);
        double calibrated = 1 - measure.Run(new ModelSource(result.Path, "small")).MeanCosine!.Value, simple = 1 - measure.Run(new ModelSource(plain.Path, "plain")).MeanCosine!.Value;
        Assert.True(calibrated < 0.7 * simple, $"1 - cosine is {calibrated}, of plain truncation {simple}");
    }

    [Fact]
    public void A_language_model_is_compressed_by_its_own_loss_to_the_same_bytes_each_time()
    {
        ModelSource source = new ModelFolder(s_language).Write(_folder["model"]);
        Write(120, 1);
        CompressResult one = new CompressModel(Options with { OutputPath = _folder["one"], ThreadCount = 1 }).Run(source), two = new CompressModel(Options with { OutputPath = _folder["two"], ThreadCount = 2 }).Run(source);
        Assert.Equal(File.ReadAllBytes(one.Path), File.ReadAllBytes(two.Path));
        Assert.Null(one.QualityBeforeTraining);
        Assert.Equal(one.Quality.Perplexity, two.Quality.Perplexity);
        CompressResult additive = new CompressModel(Options with { OutputPath = _folder["three"], Trials = 0 }).Run(source);
        Assert.Equal(0, additive.SelectionLines);
        Assert.Null(additive.Measurement);
        Assert.True(File.Exists(one.Calibration));
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => new CompressModel(Options with { OutputPath = _folder["one"] }).Run(source)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new CompressModel(Options with { KeepRatio = 1 }).Run(source)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new CompressModel(Options with { OutputPath = _folder["a.safetensors"] }).Run(source)).ErrorId);
    }

    [Fact]
    public void Pivoted_pairs_keep_to_the_share_at_higher_ranks_and_are_nearer_to_the_original()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(300, 1);
        CompressResult pairs = new CompressModel(Options with { KeepRatio = 0.6, OutputPath = _folder["pairs"] }).Run(source);
        CompressResult pivoted = new CompressModel(Options with { KeepRatio = 0.6, OutputPath = _folder["pivoted"], Method = FactorMethod.Pivoted, Steps = 2 }).Run(source);
        Assert.Equal((FactorMethod.Svd, FactorMethod.Pivoted), (pairs.Method, pivoted.Method));
        Assert.InRange(pivoted.KeptRatio, 0.5, 0.6);
        Assert.InRange(pivoted.Measurement!.After, pivoted.Measurement.Before, 1);
        Assert.True(pivoted.QualityBeforeTraining!.MeanCosine > pairs.Quality.MeanCosine, $"{pairs.Quality.MeanCosine} of pairs, {pivoted.QualityBeforeTraining.MeanCosine} of pivoted ones");
        Assert.Contains("pivoted", pivoted.Steps.Single(s => s.Name == "Plan").Figures, StringComparison.Ordinal);
        using Model written = Model.Open(new ModelSource(pivoted.Path, "pivoted"));
        Assert.Equal(pivoted.FactorizedLayers, FactorizationRecord.Find(written.File)!.Layers.Count(l => l.Method == "Pivoted"));
        foreach (FactorMethod other in Enum.GetValues<FactorMethod>().Except([FactorMethod.Svd, FactorMethod.Pivoted]))
        {
            LowRankToolsException refused = Assert.Throws<LowRankToolsException>(() => new CompressModel(Options with { OutputPath = _folder["none"], Method = other }).Run(source));
            Assert.Equal(CoreErrors.OptionInvalid, refused.ErrorId);
            Assert.NotEmpty(refused.Remedy);
        }
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Theory]
    [InlineData(FactorMethod.Svd)]
    [InlineData(FactorMethod.Pivoted)]
    public void Layers_that_are_calibrated_behind_compressed_ones_bring_the_model_nearer_to_the_original(FactorMethod method)
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(600, 1);
        CompressOptions options = Options with { KeepRatio = 0.4, Method = method, Trials = 0, OutputPath = _folder["alone"] };
        CompressResult alone = new CompressModel(options).Run(source), sequential = new CompressModel(options with { Sequential = true, OutputPath = _folder["sequential"] }).Run(source);
        Assert.Equal(["Calibrate", "Plan", "Recalibrate", "Factorize", "Judge"], sequential.Steps.Select(s => s.Name));
        Assert.Equal(alone.KeptRatio, sequential.KeptRatio);
        Assert.Null(alone.SequentialCalibration);
        Assert.True(File.Exists(sequential.SequentialCalibration));
        Assert.True(sequential.Quality.MeanCosine > alone.Quality.MeanCosine, $"{alone.Quality.MeanCosine} alone, {sequential.Quality.MeanCosine} behind compressed layers");
        File.Delete(sequential.Path);
        File.Delete(sequential.Calibration);
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => new CompressModel(options with { Sequential = true, OutputPath = _folder["sequential"] }).Run(source)).ErrorId);
        Assert.False(File.Exists(sequential.Calibration));
    }

    private CompressOptions Options => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] }, KeepRatio = 0.5, Trials = 12 };

    private void Write(int count, int seed)
    {
        Random random = new(seed);
        File.WriteAllLines(_folder["tokens.txt"], Enumerable.Range(0, count).Select(_ => string.Join(' ', Enumerable.Range(0, 6 + random.Next(8)).Select(_ => (int)(60 * Math.Pow(random.NextDouble(), 3))))));
    }
}
