namespace LowRankTools.Core.Tests.Speed;

/// <summary>A clock that moves only when it is told to, in microseconds.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _now;

    public override long TimestampFrequency => 1_000_000;

    public override long GetTimestamp() => _now;

    public void Advance(double seconds) => _now += (long)Math.Round(seconds * TimestampFrequency);
}
