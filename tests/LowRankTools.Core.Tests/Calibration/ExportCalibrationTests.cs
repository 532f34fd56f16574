using LowRankTools.Core.Architectures;
using LowRankTools.Core.Calibration;
using LowRankTools.Core.Calibration.Collecting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Tests.Calibration;

/// <summary>One command from a model folder and tokens to a calibration that makes a factorization better.</summary>
public sealed class ExportCalibrationTests : IDisposable
{
    private static readonly BertConfig s_encoder = new() { Vocabulary = 60, Width = 32, Depth = 2, Heads = 4, Hidden = 64, Positions = 16, HasPooler = true };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 60, Positions = 16, Width = 32, Depth = 2, Heads = 4, Hidden = 64 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sums_are_those_of_single_sequences_whatever_is_filled_up(bool language)
    {
        TransformerConfig config = language ? s_language : s_encoder;
        ModelSource source = new ModelFolder(config).Write(_folder["model"]);
        int[][] lines = Lines(11);
        ExportCalibrationOptions options = Options with { HeldOut = 0, OutputPath = _folder["batched.safetensors"], BatchSize = 4 };
        CalibrationResult batched = new ExportCalibration(options).Run(source);
        new ExportCalibration(options with { BatchSize = 1, OutputPath = _folder["single.safetensors"] }).Run(source);
        Assert.Equal((11, lines.Sum(l => (long)l.Length), language ? "NextToken" : "Projection"), (batched.Lines, batched.Tokens, batched.Gradients));
        Assert.Empty(batched.WithoutGradients);
        Dictionary<string, (long[] Shape, float[] Values)> many = TestModel.Read(batched.Path), one = TestModel.Read(_folder["single.safetensors"]);
        Assert.Equal(one.Keys.Order(), many.Keys.Order());
        Assert.All(one.Keys, name => Assert.InRange(TestModel.RelativeError(one[name].Values, [.. many[name].Values.Select(v => (double)v)]), 0, 2e-4));
        // The inputs of the first layer are those that a run shows.
        string first = language ? "transformer.h.0.attn.c_attn" : "bert.encoder.layer.0.attention.self.query";
        double trace = Trace(source, first, lines);
        Assert.Equal(trace, Enumerable.Range(0, 32).Sum(i => (double)one[first + ".gram"].Values[i * 33]), 1e-4 * trace);
        Assert.Equal(lines.Sum(l => l.Length), one[first + ".count"].Values[0]);
    }

    [Fact]
    public void Gradients_at_the_outputs_are_slopes_of_the_loss()
    {
        ModelSource source = new ModelFolder(s_language).Write(_folder["model"]);
        using RunnableModel model = RunnableModel.Open(source);
        Parameter bias = model.Network.StateDict().Single(p => p.Name == "transformer.h.1.mlp.c_proj.bias").Parameter;
        // With one token predicted, one gradient is not zero, and the diagonal holds its entries' squares.
        Write([[3, 1]]);
        new ExportCalibration(Options with { HeldOut = 0, OutputPath = _folder["two.safetensors"] }).Run(source);
        float[] gram = TestModel.Read(_folder["two.safetensors"])["transformer.h.1.mlp.c_proj.output_gram"].Values;
        double[] slopes = [.. Enumerable.Range(0, 32).Select(i => Slope(model, bias, i, [3, 1]))];
        double largest = slopes.Max(Math.Abs);
        for (int i = 0; i < 32; i++)
            Assert.Equal(slopes[i] * slopes[i], gram[i * 33], 0.02 * largest * largest);
    }

    [Fact]
    public void Gradients_at_the_weights_are_slopes_of_the_loss_summed_over_all_texts()
    {
        ModelSource source = new ModelFolder(s_language).Write(_folder["model"]);
        using RunnableModel model = RunnableModel.Open(source);
        Parameter weight = model.Network.StateDict().Single(p => p.Name == "transformer.h.1.mlp.c_proj.weight").Parameter;
        Write([[3, 1], [7, 20], [5, 9]]);
        new ExportCalibration(Options with { HeldOut = 0, BatchSize = 2, WeightGradients = true, OutputPath = _folder["c.safetensors"] }).Run(source);
        (long[] shape, float[] gradient) = TestModel.Read(_folder["c.safetensors"])["transformer.h.1.mlp.c_proj.weight_gradient"];
        Assert.Equal([32, 64], shape);
        int[] places = [0, 100, 777, 2047];
        double[] slopes = [.. places.Select(i => Slope(model, weight, i, [3, 1]) + Slope(model, weight, i, [7, 20]) + Slope(model, weight, i, [5, 9]))];
        double largest = gradient.Max(Math.Abs);
        Assert.All(places.Zip(slopes), p => Assert.Equal(p.Second, gradient[p.First], 0.02 * largest));
        ModelSource encoder = new ModelFolder(s_encoder).Write(_folder["encoder"]);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new ExportCalibration(Options with { WeightGradients = true, OutputPath = _folder["e.safetensors"] }).Run(encoder)).ErrorId);
    }

    [Fact]
    public void A_factorization_with_it_is_nearer_to_the_original_on_other_text_than_without()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Write(Skewed(400, 1));
        CalibrationResult calibration = new ExportCalibration(Options with { OutputPath = _folder["c.safetensors"] }).Run(source);
        Assert.Equal((360, 40), (calibration.Lines, calibration.HeldOutLines));
        FactorizeOptions plain = new() { Rule = new RankRule.KeepRatio(0.3), OutputPath = _folder["plain"] };
        FactorizationResult without = new FactorizeModel(plain).Run(source);
        FactorizationResult with = new FactorizeModel(plain with { OutputPath = _folder["calibrated"], Calibration = new CalibrationOptions { Path = calibration.Path } }).Run(source);
        Assert.Empty(with.Uncalibrated);
        Assert.All(with.Layers.Where(l => l.Rank is not null), l => Assert.InRange(l.HeldOutError!.Value, 1e-6, 1));
        Write(Skewed(60, 2));
        MeasureQuality measure = new(new QualityOptions { Input = Options.Input }, source);
        double before = measure.Run(new ModelSource(without.Path, "plain")).MeanCosine!.Value, after = measure.Run(new ModelSource(with.Path, "calibrated")).MeanCosine!.Value;
        Assert.True(1 - after < 0.8 * (1 - before), $"1 - cosine is {1 - after} with and {1 - before} without the calibration");
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_for_any_number_of_threads()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Lines(30);
        byte[] Bytes(string name, int threads, ulong seed)
        {
            new ExportCalibration(Options with { OutputPath = _folder[name], ThreadCount = threads, Seed = seed }).Run(source);
            return File.ReadAllBytes(_folder[name]);
        }
        byte[] first = Bytes("a.safetensors", 1, 7);
        Assert.Equal(first, Bytes("b.safetensors", 2, 7));
        Assert.NotEqual(first, Bytes("c.safetensors", 2, 8));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 3)]
    public void What_was_stopped_goes_on_to_the_same_bytes(bool language, int every)
    {
        ModelSource source = new ModelFolder(language ? s_language : s_encoder).Write(_folder["model"]);
        Lines(40);
        ExportCalibrationOptions options = Options with { BatchSize = 4, CheckpointPath = _folder["saved/sums.safetensors"], CheckpointEvery = every, WeightGradients = language };
        byte[] through = File.ReadAllBytes(new ExportCalibration(options with { OutputPath = _folder["through.safetensors"], CheckpointPath = null }).Run(source).Path);
        using CancellationTokenSource stop = new();
        ExportCalibration stopped = new(options with { OutputPath = _folder["stopped.safetensors"] });
        Assert.ThrowsAny<OperationCanceledException>(() => stopped.Run(source, new Stopper(stop, "batch 6"), stop.Token));
        Assert.False(File.Exists(_folder["stopped.safetensors"]));
        CalibrationResult other = new ExportCalibration(options with { OutputPath = _folder["other.safetensors"], CheckpointPath = _folder["none.safetensors"] }).Run(source);
        Assert.Equal(0, other.ResumedAt);
        CalibrationResult resumed = stopped.Run(source);
        Assert.Equal(every == 1 ? 5 : 3, resumed.ResumedAt);
        Assert.Equal(through, File.ReadAllBytes(resumed.Path));
        Assert.False(File.Exists(_folder["saved/sums.safetensors"]) || File.Exists(_folder["none.safetensors"]));
    }

    [Fact]
    public void A_checkpoint_of_something_else_is_refused_and_stays()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Lines(40);
        ExportCalibrationOptions options = Options with { BatchSize = 4, CheckpointPath = _folder["sums.safetensors"], CheckpointEvery = 2 };
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => new ExportCalibration(options).Run(source, new Stopper(stop, "batch 6"), stop.Token));
        byte[] saved = File.ReadAllBytes(_folder["sums.safetensors"]);
        string Id(ExportCalibrationOptions changed) => Assert.ThrowsAny<LowRankToolsException>(() => new ExportCalibration(changed).Run(source)).ErrorId;
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options with { Seed = 1 }));
        Assert.Equal(CoreErrors.CheckpointDoesNotFit, Id(options with { BatchSize = 5 }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(options with { CheckpointEvery = 0 }));
        Assert.Equal(CoreErrors.OptionInvalid, Id(options with { OutputPath = options.CheckpointPath }));
        Assert.Equal(saved, File.ReadAllBytes(_folder["sums.safetensors"]));
        File.WriteAllBytes(_folder["sums.safetensors"], saved[..(saved.Length / 2)]);
        Assert.NotEqual("", Id(options));
    }

    /// <summary>Cancels when a certain batch is about to run.</summary>
    private sealed class Stopper(CancellationTokenSource stop, string batch) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value)
        {
            if (value.Item == batch)
                stop.Cancel();
        }
    }

    [Fact]
    public void Held_out_lines_are_whole_and_never_fitted_on_too()
    {
        TokenText text = new("t", 6, 0, [.. new[] { (1, 5), (1, 6), (2, 7), (3, 7), (4, 8), (5, 9), (6, 9) }.Select(s => new TokenSequence(s.Item1, [s.Item2]))]);
        for (ulong seed = 0; seed < 20; seed++)
        {
            (List<TokenSequence> fitted, List<TokenSequence> judged) = TextSplit.Of(text, 0.4, seed);
            Assert.Equal(7, fitted.Count + judged.Count);
            Assert.NotEmpty(judged);
            Assert.Empty(fitted.Select(s => s.Line).Intersect(judged.Select(s => s.Line)));
            Assert.Empty(fitted.Select(s => s.Ids[0]).Intersect(judged.Select(s => s.Ids[0])));
        }
        Assert.Equal(CoreErrors.TextInvalid, Assert.Throws<LowRankToolsException>(() => TextSplit.Of(text, 0.99, 0)).ErrorId);
    }

    [Fact]
    public void What_if_runs_nothing_and_existing_files_and_wrong_options_are_refused()
    {
        ModelSource source = new ModelFolder(s_encoder).Write(_folder["model"]);
        Lines(30);
        Assert.False(new ExportCalibration(Options with { WhatIf = true }).Run(source).Written);
        Assert.False(File.Exists(_folder["model.calibration.safetensors"]));
        CalibrationResult made = new ExportCalibration(Options).Run(source);
        Assert.Equal(_folder["model.calibration.safetensors"], made.Path);
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => new ExportCalibration(Options).Run(source)).ErrorId);
        Assert.True(new ExportCalibration(Options with { Force = true }).Run(source).Written);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new ExportCalibration(Options with { Gradients = GradientSource.NextToken, Force = true }).Run(source)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new ExportCalibration(Options with { HeldOut = 1 }).Run(source)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new ExportCalibration(Options with { OutputPath = _folder["c.txt"] }).Run(source)).ErrorId);
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => new ExportCalibration(Options with { OutputPath = _folder["d.safetensors"] }).Run(source, null, stop.Token));
        Assert.False(File.Exists(_folder["d.safetensors"]));
    }

    private ExportCalibrationOptions Options => new() { Input = new InputText { TokenPath = _folder["tokens.txt"] } };

    private int[][] Lines(int count)
    {
        Random random = new(3);
        int[][] lines = [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, 2 + i % 9).Select(_ => random.Next(60)).ToArray())];
        Write(lines);
        return lines;
    }

    /// <summary>Text in which few tokens are frequent, so that inputs lie in few directions.</summary>
    private static int[][] Skewed(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, 4 + random.Next(8)).Select(_ => (int)(60 * Math.Pow(random.NextDouble(), 4))).ToArray())];
    }

    private void Write(int[][] lines) => File.WriteAllLines(_folder["tokens.txt"], lines.Select(l => string.Join(' ', l)));

    private static double Trace(ModelSource source, string layer, int[][] lines)
    {
        using RunnableModel model = RunnableModel.Open(source);
        Linear wanted = (Linear)model.Network.Modules().Single(m => m.Name == layer).Module;
        double trace = 0;
        foreach (int[] ids in lines)
        {
            using Pass pass = Pass.Inference(model.Engine);
            pass.LinearInput = (linear, x) => trace += linear == wanted ? model.Engine.ToArray(x).Sum(v => v * v) : 0;
            model.Network.Forward(pass, new TokenBatch(ids)).Dispose();
        }
        return trace;
    }

    private static double Slope(RunnableModel model, Parameter bias, int entry, int[] ids)
    {
        double Loss(double step)
        {
            double[] values = model.Engine.ToArray(bias.Value);
            values[entry] += step;
            ITensor old = model.Engine.Copy(bias.Value, ElementType.Float32);
            using (ITensor wide = model.Engine.FromDoubles(values, [.. bias.Shape]))
                bias.Value = model.Engine.Copy(wide, ElementType.Float32);
            using Pass pass = Pass.Inference(model.Engine);
            NetworkOutput output = model.Network.Forward(pass, new TokenBatch(ids));
            double loss = CrossEntropyLoss.ComputeSum(pass, output.Logits!, [ids[1], -1]).Loss.Sum;
            output.Hidden.Dispose();
            bias.Value = old;
            return loss;
        }
        return (Loss(0.005) - Loss(-0.005)) / 0.01;
    }
}
