namespace LowRankTools.Core.Speed;

/// <summary>
/// Times several actions against each other. They take turns, forwards and backwards, so that whatever slows the machine
/// down for a while (another program, a falling clock) meets all of them alike, and their ratio stays true.
/// </summary>
/// <param name="options">How long and how often.</param>
/// <param name="clock">What tells the time; the system's by default.</param>
public sealed class AlternatingTimer(TimingOptions options, TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;

    /// <summary>Times the actions.</summary>
    /// <param name="actions">What to time, one or more.</param>
    /// <param name="decided">Looks at the times so far, once there are enough of them, and may end the runs early; null to run until they are stable.</param>
    /// <param name="cancellationToken">Stops between calls, and within those that look at it.</param>
    /// <returns>One entry for each action, in their order.</returns>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<RunTimes> Measure(IReadOnlyList<Action> actions, Func<IReadOnlyList<RunTimes>, bool>? decided = null,
        CancellationToken cancellationToken = default)
    {
        options.Validate();
        (int warmUpRuns, int[] calls) = WarmUp(actions, cancellationToken);
        List<double>[] seconds = [.. actions.Select(_ => new List<double>())];
        long start = _clock.GetTimestamp();
        for (int run = 1; ; run++)
        {
            for (int turn = 0; turn < actions.Count; turn++)
            {
                int i = run % 2 == 1 ? turn : actions.Count - 1 - turn;
                seconds[i].Add(Time(actions[i], calls[i], cancellationToken) / calls[i]);
            }
            TimeSpan elapsed = _clock.GetElapsedTime(start);
            if (run < options.MinimumRuns)
                continue;
            RunTimes[] times = [.. seconds.Select((s, i) => RunTimes.Of(s, calls[i], warmUpRuns))];
            if (run >= options.MaximumRuns || elapsed >= options.TimeLimit || Array.TrueForAll(times, IsStable) || decided?.Invoke(times) == true)
                return times;
        }
    }

    /// <summary>Runs everything untimed for a while, and finds how many calls make a run.</summary>
    private (int Rounds, int[] Calls) WarmUp(IReadOnlyList<Action> actions, CancellationToken cancellationToken)
    {
        double[] fastest = new double[actions.Count];
        long start = _clock.GetTimestamp();
        int round = 0;
        for (; round < 2 || _clock.GetElapsedTime(start) < options.WarmUp; round++)
        {
            for (int i = 0; i < actions.Count; i++)
            {
                double time = Time(actions[i], 1, cancellationToken);
                fastest[i] = round == 0 ? time : Math.Min(fastest[i], time);
            }
        }
        const int mostCalls = 1 << 16; // a clock may be too coarse to see one call at all
        return (round, [.. fastest.Select(f => (int)Math.Clamp(Math.Ceiling(options.ShortestRun.TotalSeconds / Math.Max(f, 1e-9)), 1, mostCalls))]);
    }

    private double Time(Action action, int calls, CancellationToken cancellationToken)
    {
        long start = _clock.GetTimestamp();
        for (int call = 0; call < calls; call++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            action();
        }
        return _clock.GetElapsedTime(start).TotalSeconds;
    }

    private bool IsStable(RunTimes times) => times.Notch <= options.Tolerance * times.MedianSeconds;
}
