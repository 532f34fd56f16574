using System.Collections.Concurrent;

namespace LowRankTools.Numerics.Threading;

/// <summary>
/// Persistent background threads that help a caller through a list of numbered tasks. Which thread takes which
/// task is left to chance; results stay the same because every task writes its own part by its own fixed rule.
/// The pool is the only process-wide state of the library.
/// </summary>
internal static class WorkerPool
{
    /// <summary>More threads than this are never started, whatever is asked.</summary>
    public const int MaximumThreads = 256;

    private const string ThreadsVariable = "LOWRANK_THREADS";

    // A worker looks for new work this often before it sleeps: a factorization hands out its next batch within
    // microseconds, and waking a sleeping thread costs more than that.
    private const int SpinsBeforeSleep = 400;

    private static readonly ConcurrentQueue<TaskBatch> s_tickets = new();
    private static readonly SemaphoreSlim s_available = new(0);
    private static readonly Lock s_starting = new();
    private static int s_started;

    /// <summary>The number of threads that a request stands for.</summary>
    public static int Resolve(int requested)
    {
        if (requested > 0) return Math.Min(requested, MaximumThreads);
        return int.TryParse(Environment.GetEnvironmentVariable(ThreadsVariable), out int fromEnvironment) && fromEnvironment > 0
            ? Math.Min(fromEnvironment, MaximumThreads)
            : Math.Min(Environment.ProcessorCount, MaximumThreads);
    }

    /// <summary>Runs tasks 0 to <paramref name="taskCount"/> - 1 on the caller and up to threads - 1 helpers.</summary>
    /// <param name="taskCount">Number of tasks.</param>
    /// <param name="threads">Threads, already resolved.</param>
    /// <param name="body">Does one task.</param>
    /// <param name="cancellationToken">Looked at before every task.</param>
    public static void Run(int taskCount, int threads, Action<int> body, CancellationToken cancellationToken = default)
    {
        int helpers = Math.Min(threads, taskCount) - 1;
        if (helpers <= 0)
        {
            for (int task = 0; task < taskCount; task++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                body(task);
            }

            return;
        }

        EnsureStarted(helpers);
        var batch = new TaskBatch(taskCount, body, cancellationToken);
        for (int i = 0; i < helpers; i++) s_tickets.Enqueue(batch);
        s_available.Release(helpers);
        batch.Work();
        batch.Wait();
    }

    private static void EnsureStarted(int workers)
    {
        if (Volatile.Read(ref s_started) >= workers) return;
        lock (s_starting)
        {
            while (s_started < workers)
            {
                var thread = new Thread(Loop) { IsBackground = true, Name = $"LowRankTools worker {s_started + 1}" };
                thread.Start();
                s_started++;
            }
        }
    }

    private static void Loop()
    {
        while (true)
        {
            for (int spin = 0; spin < SpinsBeforeSleep && s_available.CurrentCount == 0; spin++) Thread.SpinWait(30);
            s_available.Wait();
            if (s_tickets.TryDequeue(out TaskBatch? batch)) batch.Work();
        }
    }
}
