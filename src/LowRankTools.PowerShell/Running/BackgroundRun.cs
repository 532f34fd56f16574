using System.Collections.Concurrent;
using LowRankTools.Core;

namespace LowRankTools.PowerShell.Running;

/// <summary>
/// Runs an operation on a thread of its own while the calling thread, the only one that may write to the pipeline,
/// says what there is to say: results and progress, in the order they come.
/// </summary>
internal static class BackgroundRun
{
    /// <summary>Runs to the end; errors of the operation surface here.</summary>
    /// <param name="work">Makes results; runs on the worker.</param>
    /// <param name="output">Takes a result; runs on the calling thread.</param>
    /// <param name="report">Takes progress; runs on the calling thread.</param>
    /// <param name="stop">Cancels the work. The call returns when the worker has cleaned up.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Run<T>(Func<IProgress<OperationProgress>, CancellationToken, IEnumerable<T>> work,
        Action<T> output, Action<OperationProgress> report, CancellationToken stop)
    {
        using CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using BlockingCollection<Action> speech = [];
        CancellationToken token = cancel.Token;
        Task worker = Task.Factory.StartNew(() =>
        {
            try
            {
                foreach (T result in work(new LatestProgress(speech, report), token))
                    speech.Add(() => output(result), CancellationToken.None);
            }
            finally
            {
                speech.CompleteAdding();
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            foreach (Action say in speech.GetConsumingEnumerable(CancellationToken.None))
                say();
        }
        finally
        {
            // A pipeline that stops early (Select-Object -First) throws out of the loop: the worker must end before its
            // queue goes. After a complete run this cancels nothing.
            cancel.Cancel();
            ((IAsyncResult)worker).AsyncWaitHandle.WaitOne();
        }
        worker.GetAwaiter().GetResult();
    }

    /// <summary>
    /// Hands on the latest report and drops those before it that nobody has seen yet: a console that draws slowly must not
    /// hold the work up, nor tell of it when it is over.
    /// </summary>
    private sealed class LatestProgress(BlockingCollection<Action> speech, Action<OperationProgress> report) : IProgress<OperationProgress>
    {
        private readonly Lock _gate = new();
        private OperationProgress? _unseen;

        public void Report(OperationProgress value)
        {
            lock (_gate)
            {
                if (_unseen is null)
                    speech.Add(Tell, CancellationToken.None);
                _unseen = value;
            }
        }

        private void Tell()
        {
            OperationProgress latest;
            lock (_gate)
            {
                latest = _unseen!.Value;
                _unseen = null;
            }
            report(latest);
        }
    }
}
