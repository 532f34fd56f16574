using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Speed;

/// <summary>The timing itself, on a clock that is known.</summary>
public sealed class AlternatingTimerTests
{
    private static readonly TimingOptions s_exact = new() { WarmUp = TimeSpan.Zero, ShortestRun = TimeSpan.Zero };

    private readonly ManualClock _clock = new();

    [Fact]
    public void Medians_extremes_and_spread_are_those_of_the_runs()
    {
        double[] seconds = [9, 9, /* the warm-up ends here */ 3, 1, 2, 5, 4];
        int call = 0;
        RunTimes times = Assert.Single(new AlternatingTimer(s_exact.WithRuns(5), _clock).Measure([() => _clock.Advance(seconds[call++])]));
        Assert.Equal((3, 1, 5, 5, 1, 2), (times.MedianSeconds, times.MinimumSeconds, times.MaximumSeconds, times.Runs, times.CallsPerRun, times.WarmUpRuns));
        Assert.Equal(2 / 3.0, times.Spread, 12);
    }

    [Fact]
    public void Actions_take_turns_forwards_and_backwards()
    {
        string order = "";
        void Call(string name)
        {
            order += name;
            _clock.Advance(1);
        }
        new AlternatingTimer(s_exact.WithRuns(3), _clock).Measure([() => Call("a"), () => Call("b"), () => Call("c")]);
        Assert.Equal("abcabc" + "abc" + "cba" + "abc", order);
    }

    [Fact]
    public void A_machine_that_slows_down_slows_all_actions_alike()
    {
        double slowness = 1;
        void Call(double seconds) => _clock.Advance(seconds * (slowness *= 1.05));
        IReadOnlyList<RunTimes> times = new AlternatingTimer(s_exact.WithRuns(20), _clock).Measure([() => Call(1), () => Call(2)]);
        Assert.InRange(times[1].MedianSeconds / times[0].MedianSeconds, 1.98, 2.02);
    }

    [Fact]
    public void Steady_runs_end_early_and_unsteady_ones_at_the_time_limit()
    {
        TimingOptions options = s_exact with { TimeLimit = TimeSpan.FromSeconds(20) };
        Assert.Equal(options.MinimumRuns, new AlternatingTimer(options, _clock).Measure([() => _clock.Advance(1)])[0].Runs);
        int call = 0;
        Assert.Equal(20, new AlternatingTimer(options, _clock).Measure([() => _clock.Advance(call++ % 2 == 0 ? 0.5 : 1.5)])[0].Runs);
    }

    [Fact]
    public void The_fewest_and_the_most_runs_are_kept_whatever_the_time_says()
    {
        TimingOptions options = s_exact with { TimeLimit = TimeSpan.FromSeconds(1), Tolerance = 0, MinimumRuns = 4, MaximumRuns = 9 };
        int call = 0;
        Assert.Equal(4, new AlternatingTimer(options, _clock).Measure([() => _clock.Advance(10 + call++)])[0].Runs);
        Assert.Equal(9, new AlternatingTimer(options, _clock).Measure([() => _clock.Advance(1e-3 + 1e-6 * call++)])[0].Runs);
    }

    [Fact]
    public void Short_actions_are_called_several_times_a_run_and_told_for_one_call()
    {
        TimingOptions options = s_exact with { ShortestRun = TimeSpan.FromMilliseconds(1) };
        IReadOnlyList<RunTimes> times = new AlternatingTimer(options, _clock).Measure([() => _clock.Advance(10e-6), () => _clock.Advance(2e-3)]);
        Assert.Equal((100, 1), (times[0].CallsPerRun, times[1].CallsPerRun));
        Assert.Equal(10e-6, times[0].MedianSeconds, 9);
    }

    [Fact]
    public void The_caller_may_decide_earlier()
    {
        int call = 0;
        RunTimes times = new AlternatingTimer(s_exact with { Tolerance = 0 }, _clock)
            .Measure([() => _clock.Advance(1e-3 + 1e-6 * call++)], decided: t => t[0].Runs == 7)[0];
        Assert.Equal(7, times.Runs);
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        using CancellationTokenSource cancel = new();
        int calls = 0;
        Assert.Throws<OperationCanceledException>(() => new AlternatingTimer(s_exact, _clock).Measure([() =>
        {
            if (++calls == 6)
                cancel.Cancel();
        }], cancellationToken: cancel.Token));
        Assert.Equal(6, calls);
    }

    [Fact]
    public void Numbers_without_meaning_are_refused()
    {
        TimingOptions[] wrong = [new() { MinimumRuns = 0 }, new() { MinimumRuns = 5, MaximumRuns = 4 }, new() { Tolerance = double.NaN }, new() { TimeLimit = TimeSpan.FromSeconds(-1) }];
        Assert.All(wrong, o => Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new AlternatingTimer(o, _clock).Measure([() => { }])).ErrorId));
    }
}
