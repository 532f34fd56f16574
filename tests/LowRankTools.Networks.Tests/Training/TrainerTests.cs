using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Networks.Tests;

/// <summary>Trainings that stop, go on, and come to the same bits.</summary>
public sealed class TrainerTests
{
    private static readonly INetworkEngine s_engine = new EmbeddedEngine();

    private static TrainingOptions Options => new(12, 3) { Accumulation = 2, ClipNorm = 0.5, Schedule = new LearningRateSchedule(3, true, 0.1), Seed = 5 };

    public static TheoryData<bool, string> Runs => new() { { false, "adam" }, { true, "adam" }, { false, "momentum" }, { true, "sgd" } };

    [Theory]
    [MemberData(nameof(Runs))]
    public void Going_on_from_a_checkpoint_gives_the_same_bits(bool lora, string kind)
    {
        (Dictionary<string, double[]> through, TrainingCurve curve) = Train(s_engine, lora, kind);
        TrainingCheckpoint checkpoint;
        using (Gpt2 model = NextTokenTask.Model(s_engine, lora))
        using (Optimizer optimizer = New(kind))
        {
            var first = new Trainer(s_engine, new NextTokenTask(model), optimizer, Options);
            first.Run(until: 5);
            checkpoint = first.Save();
        }

        using Gpt2 other = NextTokenTask.Model(s_engine, lora);
        using Optimizer fresh = New(kind);
        var second = new Trainer(s_engine, new NextTokenTask(other), fresh, Options);
        second.Run(until: 2);
        second.Restore(checkpoint);
        Assert.Equal(5, second.Step);
        Assert.Equal(curve.Points, second.Run().Points);
        AssertSame(through, Bits(s_engine, other));
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        (Dictionary<string, double[]> one, TrainingCurve curve) = Train(new EmbeddedEngine(new ComputeOptions { ThreadCount = 1 }), true, "adam");
        (Dictionary<string, double[]> three, TrainingCurve other) = Train(new EmbeddedEngine(new ComputeOptions { ThreadCount = 3 }), true, "adam");
        AssertSame(one, three);
        Assert.Equal(curve.Points, other.Points);
    }

    [Fact]
    public void A_cancelled_training_goes_on_as_if_nothing_had_been()
    {
        (Dictionary<string, double[]> through, TrainingCurve curve) = Train(s_engine, true, "adam");
        using Gpt2 model = NextTokenTask.Model(s_engine, true);
        using Optimizer optimizer = New("adam");
        var trainer = new Trainer(s_engine, new NextTokenTask(model), optimizer, Options);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => trainer.Run(progress: new Direct(p =>
        {
            if (p.Point.Step == 4) cancel.Cancel();
        }), ct: cancel.Token));
        Assert.Equal(4, trainer.Step);
        Assert.All(model.Parameters(), p => Assert.Null(p.Gradient));
        Assert.Equal(curve.Points, trainer.Run().Points);
        AssertSame(through, Bits(s_engine, model));
    }

    [Fact]
    public void Memory_is_that_of_the_trained_parameters_alone()
    {
        using Gpt2 model = NextTokenTask.Model(s_engine, true);
        using var adam = new Adam();
        new Trainer(s_engine, new NextTokenTask(model), adam, Options).Run(until: 1);
        Assert.Equal(2 * model.CountParameters(trainableOnly: true), adam.MemoryLength);
        Assert.InRange(adam.MemoryLength, 1, model.CountParameters());
    }

    [Theory]
    [InlineData(6, 1)]
    [InlineData(3, 2)]
    [InlineData(1, 6)]
    public void Accumulated_batches_make_the_step_of_one_large_batch(int size, int accumulation)
    {
        // In float64, and with batches of different numbers of targets, where a mean of means would be another gradient.
        double[] Step(int batch, int times)
        {
            using Gpt2 model = NextTokenTask.Model(s_engine, false, ElementType.Float64);
            using var sgd = new Sgd(1);
            new Trainer(s_engine, new NextTokenTask(model), sgd, new TrainingOptions(1, batch) { Accumulation = times, ClipNorm = null, Seed = 3 }).Run();
            return [.. model.Parameters().SelectMany(p => s_engine.ToArray(p.Value))];
        }

        Assert.All(Step(6, 1).Zip(Step(size, accumulation)), pair => Assert.Equal(pair.First, pair.Second, 1e-13));
    }

    [Fact]
    public void Training_brings_the_loss_down_and_validates_when_it_should()
    {
        using Gpt2 model = NextTokenTask.Model(s_engine, false);
        var task = new NextTokenTask(model);
        double Loss()
        {
            using Pass pass = Pass.Inference(s_engine);
            BatchLoss loss = task.Run(pass, [.. Enumerable.Range(0, task.Examples)]);
            return loss.Sum / loss.Count;
        }

        using var adam = new Adam(new AdamSettings(1e-2));
        double before = Loss();
        TrainingCurve curve = new Trainer(s_engine, task, adam, new TrainingOptions(60, 7) { ValidateEvery = 20 }, _ => Loss()).Run();
        Assert.InRange(Loss(), 0, before / 2);
        Assert.Equal([20, 40, 60], curve.Points.Where(p => p.Validation is not null).Select(p => p.Step));
        Assert.Equal(Loss(), curve.Points[^1].Validation);
        Assert.Equal(60, curve.Best!.Step);
        Assert.Equal(before, curve.Points[0].Loss, 1e-5);
    }

    [Fact]
    public void A_checkpoint_of_another_training_is_refused_and_changes_nothing()
    {
        using Gpt2 model = NextTokenTask.Model(s_engine, true), dense = NextTokenTask.Model(s_engine, false);
        using Optimizer adam = New("adam"), sgd = New("momentum");
        var trainer = new Trainer(s_engine, new NextTokenTask(model), adam, Options);
        trainer.Run(until: 2);
        TrainingCheckpoint good = trainer.Save();
        trainer.Run(until: 3);
        Dictionary<string, double[]> before = Bits(s_engine, model);
        void Refused(Trainer into, TrainingCheckpoint checkpoint) =>
            Assert.Equal("CheckpointDoesNotFit", Assert.Throws<LowRankToolsException>(() => into.Restore(checkpoint)).ErrorId);

        Refused(new Trainer(s_engine, new NextTokenTask(model), adam, Options with { Seed = 6 }), good);
        Refused(new Trainer(s_engine, new NextTokenTask(model), sgd, Options), good);
        Refused(new Trainer(s_engine, new NextTokenTask(dense), adam, Options), good);
        Refused(trainer, good with { Parameters = [.. good.Parameters.Skip(1)] });
        Refused(trainer, good with { Step = 1 });
        Refused(trainer, good with { Optimizer = good.Optimizer with { Tensors = [.. good.Optimizer.Tensors.Skip(1)] } });
        SavedTensor first = good.Parameters[0];
        Refused(trainer, good with { Parameters = [new SavedTensor(first.Name, first.Shape, first.Singles![1..], null), .. good.Parameters.Skip(1)] });
        AssertSame(before, Bits(s_engine, model));
        Assert.Equal(3, trainer.Step);
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_before_it_spoils_anything()
    {
        using Gpt2 model = NextTokenTask.Model(s_engine, false);
        using var adam = new Adam();
        model.StateDict().First(p => p.Name == "transformer.ln_f.weight").Parameter.Value = s_engine.From([float.NaN, 1, 1, 1, 1, 1, 1, 1], 8);
        Dictionary<string, double[]> before = Bits(s_engine, model);
        var trainer = new Trainer(s_engine, new NextTokenTask(model), adam, Options);
        Assert.Equal("LossNotFinite", Assert.Throws<LowRankToolsException>(() => trainer.Run()).ErrorId);
        Assert.Equal(0, trainer.Step);
        AssertSame(before, Bits(s_engine, model));
    }

    [Fact]
    public void Options_that_make_no_training_are_refused()
    {
        using Gpt2 model = NextTokenTask.Model(s_engine, false);
        using var adam = new Adam();
        foreach (TrainingOptions bad in (TrainingOptions[])[Options with { BatchSize = 0 }, Options with { Accumulation = 0 }, Options with { ClipNorm = 0 }, Options with { Steps = -1 }])
            Assert.Equal("TrainingOptionsInvalid", Assert.Throws<LowRankToolsException>(() => new Trainer(s_engine, new NextTokenTask(model), adam, bad)).ErrorId);
        Assert.Equal("NothingToTrain", Assert.Throws<LowRankToolsException>(() => new Trainer(s_engine, new NextTokenTask(model, 0), adam, Options)).ErrorId);
    }

    private static (Dictionary<string, double[]> Bits, TrainingCurve Curve) Train(INetworkEngine engine, bool lora, string kind)
    {
        using Gpt2 model = NextTokenTask.Model(engine, lora);
        using Optimizer optimizer = New(kind);
        TrainingCurve curve = new Trainer(engine, new NextTokenTask(model), optimizer, Options).Run();
        return (Bits(engine, model), curve);
    }

    private static Optimizer New(string kind) => kind switch
    {
        "adam" => new Adam(new AdamSettings(1e-2, Decay: 0.1)),
        "momentum" => new Sgd(1e-2, 0.9, 1e-3, nesterov: true),
        _ => new Sgd(1e-2),
    };

    private static Dictionary<string, double[]> Bits(INetworkEngine engine, Gpt2 model) => model.StateDict().ToDictionary(p => p.Name, p => engine.ToArray(p.Parameter.Value));

    private static void AssertSame(Dictionary<string, double[]> expected, Dictionary<string, double[]> actual) =>
        Assert.All(expected, p => Assert.Equal(p.Value, actual[p.Key]));

    // The class library's reports to another thread.
    private sealed class Direct(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
