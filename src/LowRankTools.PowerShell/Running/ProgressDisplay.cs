using System.Diagnostics;
using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Text;

namespace LowRankTools.PowerShell.Running;

/// <summary>Turns an operation's reports into progress records: one activity, ten a second at most, closed at the end.</summary>
internal sealed class ProgressDisplay(Cmdlet cmdlet, string model)
{
    private const int ActivityId = 0x10C;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Share of the work before which the time that is left is not guessed.</summary>
    private const double EnoughToTell = 0.02;

    private string? _name;
    private long _begun;
    private string? _activity;
    private long _last;

    /// <summary>Shows a report, unless the last one was shown just now.</summary>
    public void Show(OperationProgress progress)
    {
        string activity = SafeText.Line($"{progress.Activity} {model}");
        if (_activity == activity && Stopwatch.GetElapsedTime(_last) < s_interval)
            return;
        // Each kind of work goes at a pace of its own: what was timed of one says nothing of the next.
        if (_name != progress.Activity)
            (_name, _begun) = (progress.Activity, Stopwatch.GetTimestamp());
        _activity = activity;
        _last = Stopwatch.GetTimestamp();
        int percent = progress.Total <= 0 ? -1 : (int)Math.Clamp(progress.Done * 100.0 / progress.Total, 0, 100);
        cmdlet.WriteProgress(new ProgressRecord(ActivityId, activity, progress.Item.Length > 0 ? SafeText.Line(progress.Item) : "...") { PercentComplete = percent, SecondsRemaining = Remaining(progress) });
    }

    /// <summary>Seconds left at the pace so far; -1 where there is no telling yet.</summary>
    private int Remaining(OperationProgress progress)
    {
        double share = progress.Total <= 0 ? 0 : Math.Clamp((double)progress.Done / progress.Total, 0, 1);
        return share < EnoughToTell ? -1 : (int)Math.Min(int.MaxValue, Stopwatch.GetElapsedTime(_begun).TotalSeconds * (1 - share) / share);
    }

    /// <summary>Closes the bar.</summary>
    public void Complete()
    {
        if (_activity is not null && !cmdlet.Stopping)
            cmdlet.WriteProgress(new ProgressRecord(ActivityId, _activity, "Done") { RecordType = ProgressRecordType.Completed });
    }
}
