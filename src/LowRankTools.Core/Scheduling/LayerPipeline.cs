namespace LowRankTools.Core.Scheduling;

/// <summary>
/// Reads and computes several layers side by side and hands the results out in order, so that reading, computing and
/// writing overlap. A layer on one thread wastes nothing on synchronisation; a layer that is large against all that
/// is left gets every thread. Results do not depend on the threads, so neither does what is written.
/// </summary>
/// <typeparam name="TLayer">What is computed on.</typeparam>
/// <typeparam name="TResult">What is computed; disposed of after use where it can be.</typeparam>
internal sealed class LayerPipeline<TLayer, TResult> : IDisposable
{
    private readonly IReadOnlyList<TLayer> _layers;
    private readonly Func<TLayer, long> _weightBytes;
    private readonly Func<TResult, long> _resultBytes;
    private readonly Func<TLayer, int, CancellationToken, TResult> _compute;
    private readonly int _threads;
    private readonly long _budget;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _lock = new();
    private readonly Queue<Task<TResult>> _started = [];
    private long _unstarted;
    private long _held;
    private int _next;
    private int _running;

    /// <summary>Starts on the first layers.</summary>
    /// <param name="layers">Layers in the order in which they will be asked for.</param>
    /// <param name="weightBytes">Bytes that a layer's weight takes in memory.</param>
    /// <param name="resultBytes">Bytes that a result takes in memory until it is used.</param>
    /// <param name="compute">Reads one layer and computes on the given number of threads.</param>
    /// <param name="threads">Most threads in all.</param>
    /// <param name="cancellationToken">Stops all layers.</param>
    /// <param name="largest">How many of the largest weights may be held at a time: two, because the third share of the memory that is
    /// promised goes to the mathematics; more where that has a memory of its own.</param>
    public LayerPipeline(IReadOnlyList<TLayer> layers, Func<TLayer, long> weightBytes, Func<TResult, long> resultBytes, Func<TLayer, int, CancellationToken, TResult> compute,
        int threads, CancellationToken cancellationToken, int largest = 2)
    {
        (_layers, _weightBytes, _resultBytes, _compute, _threads) = (layers, weightBytes, resultBytes, compute, threads);
        _unstarted = layers.Sum(weightBytes);
        _budget = layers.Count == 0 ? 0 : largest * layers.Max(weightBytes);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        StartMore();
    }

    /// <summary>Waits for the next layer's result, hands it to <paramref name="use"/> and frees it.</summary>
    public void Next(Action<TResult> use)
    {
        Task<TResult> task;
        lock (_lock)
            task = _started.Dequeue();
        TResult result = task.GetAwaiter().GetResult();
        try
        {
            use(result);
            Release(_resultBytes(result));
        }
        finally
        {
            (result as IDisposable)?.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        foreach (Task<TResult> task in _started)
        {
            try
            {
                (task.GetAwaiter().GetResult() as IDisposable)?.Dispose();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // The first failure was reported by Next; the others are its consequences.
            }
        }
        _stop.Dispose();
    }

    private void StartMore()
    {
        lock (_lock)
        {
            while (_next < _layers.Count && _running < _threads && !_stop.IsCancellationRequested)
            {
                TLayer layer = _layers[_next];
                long bytes = _weightBytes(layer);
                if (_held > 0 && _held + bytes > _budget)
                    return;
                int threads = bytes * _threads > _unstarted ? _threads : 1;
                _next++;
                _running++;
                _held += bytes;
                _unstarted -= bytes;
                _started.Enqueue(Task.Run(() => Compute(layer, threads), CancellationToken.None));
            }
        }
    }

    private TResult Compute(TLayer layer, int threads)
    {
        long kept = 0;
        try
        {
            TResult result = _compute(layer, threads, _stop.Token);
            kept = _resultBytes(result);
            return result;
        }
        finally
        {
            lock (_lock)
                _running--;
            Release(_weightBytes(layer) - kept);
        }
    }

    private void Release(long bytes)
    {
        lock (_lock)
            _held -= bytes;
        StartMore();
    }
}
