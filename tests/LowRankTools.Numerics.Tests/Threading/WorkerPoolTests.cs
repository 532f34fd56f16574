using LowRankTools.Numerics.Threading;

namespace LowRankTools.Numerics.Tests;

public sealed class WorkerPoolTests
{
    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(1000, 1)]
    [InlineData(1000, 5)]
    public void Every_task_runs_once(int tasks, int threads)
    {
        int[] runs = new int[tasks];
        WorkerPool.Run(tasks, threads, task => Interlocked.Increment(ref runs[task]));
        Assert.All(runs, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Tasks_may_hand_out_tasks()
    {
        int total = 0;
        WorkerPool.Run(8, 4, _ => WorkerPool.Run(8, 4, _ => Interlocked.Increment(ref total)));
        Assert.Equal(64, total);
    }

    [Fact]
    public void The_first_failure_reaches_the_caller() =>
        Assert.Throws<InvalidDataException>(() => WorkerPool.Run(100, 4, task =>
        {
            if (task == 37) throw new InvalidDataException();
        }));

    [Fact]
    public void Cancellation_stops_between_tasks()
    {
        using var source = new CancellationTokenSource();
        int done = 0;
        Assert.Throws<OperationCanceledException>(() => WorkerPool.Run(10_000, 3, _ =>
        {
            // Later tasks that had begun wait: the one that cancels may be put aside by the system while they could end the list.
            if (Interlocked.Increment(ref done) == 5) source.Cancel();
            else if (Volatile.Read(ref done) > 5) source.Token.WaitHandle.WaitOne();
        }, source.Token));
        Assert.InRange(done, 5, 7);
    }
}
