using System.Runtime.ExceptionServices;

namespace LowRankTools.Numerics.Threading;

/// <summary>
/// One list of numbered tasks and who is still busy with it. A helper that arrives after the last task was taken
/// leaves at once, so nobody ever waits for a thread that has not begun.
/// </summary>
internal sealed class TaskBatch(int taskCount, Action<int> body, CancellationToken cancellationToken)
{
    private int _next = -1;
    private int _finished;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Takes tasks until none is left. Failures are kept for <see cref="Wait"/>; later tasks are skipped.</summary>
    public void Work()
    {
        int task;
        while ((task = Interlocked.Increment(ref _next)) < taskCount)
        {
            try
            {
                if (Volatile.Read(ref _failure) is null)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    body(task);
                }
            }
            catch (Exception exception)
            {
                // Nothing is swallowed: the caller rethrows the first failure, cancellation included.
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
            }
            finally
            {
                Interlocked.Increment(ref _finished);
            }
        }
    }

    /// <summary>Waits until every task is done and rethrows the first failure.</summary>
    public void Wait()
    {
        var spinner = new SpinWait();
        while (Volatile.Read(ref _finished) < taskCount) spinner.SpinOnce(sleep1Threshold: -1);
        _failure?.Throw();
    }
}
