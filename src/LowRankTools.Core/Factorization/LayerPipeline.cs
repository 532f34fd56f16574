namespace LowRankTools.Core;

/// <summary>
/// Reads and factorizes several layers side by side and hands the factors out in order, so that reading, computing and
/// writing overlap. A layer on one thread wastes nothing on synchronisation; a layer that is large against all that
/// is left gets every thread. Results do not depend on the threads, so neither does what is written.
/// </summary>
internal sealed class LayerPipeline : IDisposable
{
    private readonly IReadOnlyList<OutputItem.Pair> _pairs;
    private readonly Func<OutputItem.Pair, int, CancellationToken, LayerFactors> _compute;
    private readonly int _threads;
    private readonly long _budget;
    private readonly CancellationTokenSource _stop;
    private readonly Lock _lock = new();
    private readonly Queue<Task<LayerFactors>> _started = [];
    private long _unstarted;
    private long _held;
    private int _next;
    private int _running;

    /// <summary>Starts on the first layers.</summary>
    /// <param name="pairs">Layers in the order in which they will be asked for.</param>
    /// <param name="compute">Reads and factorizes one layer on the given number of threads.</param>
    /// <param name="threads">Most threads in all.</param>
    /// <param name="cancellationToken">Stops all layers.</param>
    public LayerPipeline(IReadOnlyList<OutputItem.Pair> pairs, Func<OutputItem.Pair, int, CancellationToken, LayerFactors> compute, int threads, CancellationToken cancellationToken)
    {
        _pairs = pairs;
        _compute = compute;
        _threads = threads;
        _unstarted = pairs.Sum(WeightBytes);
        // Two of the largest weights at a time: the third share of the memory that is promised goes to the mathematics.
        _budget = pairs.Count == 0 ? 0 : 2 * pairs.Max(WeightBytes);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        StartMore();
    }

    /// <summary>Waits for the next layer's factors, hands them to <paramref name="use"/> and frees them.</summary>
    public void Next(Action<LayerFactors> use)
    {
        Task<LayerFactors> task;
        lock (_lock)
            task = _started.Dequeue();
        using LayerFactors factors = task.GetAwaiter().GetResult();
        use(factors);
        Release(factors.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        foreach (Task<LayerFactors> task in _started)
        {
            try
            {
                task.GetAwaiter().GetResult().Dispose();
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
            while (_next < _pairs.Count && _running < _threads && !_stop.IsCancellationRequested)
            {
                OutputItem.Pair pair = _pairs[_next];
                long bytes = WeightBytes(pair);
                if (_held > 0 && _held + bytes > _budget)
                    return;
                int threads = bytes * _threads > _unstarted ? _threads : 1;
                _next++;
                _running++;
                _held += bytes;
                _unstarted -= bytes;
                _started.Enqueue(Task.Run(() => Compute(pair, threads), CancellationToken.None));
            }
        }
    }

    private LayerFactors Compute(OutputItem.Pair pair, int threads)
    {
        long kept = 0;
        try
        {
            LayerFactors factors = _compute(pair, threads, _stop.Token);
            kept = factors.Bytes;
            return factors;
        }
        finally
        {
            lock (_lock)
                _running--;
            Release(WeightBytes(pair) - kept);
        }
    }

    private void Release(long bytes)
    {
        lock (_lock)
            _held -= bytes;
        StartMore();
    }

    private static long WeightBytes(OutputItem.Pair pair) => pair.Layer.Tensor.ElementCount * sizeof(float);
}
