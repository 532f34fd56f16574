using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Modules;

/// <summary>
/// One run through a network: the engine, and in training everything that the way back needs. An inference pass frees each
/// activation as soon as it is released, so that a network needs a few of them only; a training pass keeps those that a
/// module saved. Modules hold no state of a run: several passes may run through one network at once.
/// </summary>
public sealed class Pass : IDisposable
{
    private readonly Dictionary<Module, Stack<object>> _saved = [];
    private readonly HashSet<ITensor> _kept = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<ITensor> _waiting = new(ReferenceEqualityComparer.Instance);
    private ulong _seed;

    private Pass(INetworkEngine engine, bool training, ulong seed, CancellationToken ct) =>
        (Engine, IsTraining, _seed, CancellationToken) = (engine, training, seed, ct);

    /// <summary>Where everything is computed.</summary>
    public INetworkEngine Engine { get; }

    /// <summary>Whether there will be a way back, and dropout drops.</summary>
    public bool IsTraining { get; }

    /// <summary>Stops the run.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>Told of every dense linear layer and its input (tokens x in) on the way forward: what calibration collects from.</summary>
    public Action<Layer, ITensor>? LinearInput { get; set; }

    /// <summary>Told on the way back of every dense linear layer and the gradient (tokens x out) at x W^T, before bias and activation; not to be changed.</summary>
    public Action<Layer, ITensor>? LinearGradient { get; set; }

    /// <summary>A pass that only runs forward.</summary>
    public static Pass Inference(INetworkEngine engine, CancellationToken ct = default) => new(engine, false, 0, ct);

    /// <summary>A pass that runs forward and back.</summary>
    /// <param name="engine">Where everything is computed.</param>
    /// <param name="seed">Chooses what dropout drops.</param>
    /// <param name="ct">Stops the run.</param>
    public static Pass Training(INetworkEngine engine, ulong seed = 0, CancellationToken ct = default) => new(engine, true, seed, ct);

    /// <summary>A new activation of another one's element type, to be written in full.</summary>
    public ITensor New(ITensor like, params ReadOnlySpan<int> shape) => Engine.Uninitialized(like.ElementType, shape);

    /// <summary>The next seed of something random in this pass.</summary>
    public ulong NextSeed() => _seed++;

    /// <summary>
    /// Says that the way forward needs an activation no more. It is freed now, or with the pass if a module saved it.
    /// </summary>
    public void Release(ITensor x)
    {
        if (_kept.Contains(x)) _waiting.Add(x);
        else x.Dispose();
    }

    /// <summary>y = f(x), and x is released.</summary>
    public ITensor Through(Layer layer, ITensor x)
    {
        ITensor y = layer.Forward(this, x);
        if (!ReferenceEquals(x, y)) Release(x);
        return y;
    }

    /// <summary>Saves what a module needs on the way back; nothing in inference.</summary>
    /// <param name="module">The module.</param>
    /// <param name="state">What <see cref="Restore{T}"/> will give back.</param>
    /// <param name="tensors">Tensors that must live until then: those that own the memory, not views of them.</param>
    public void Save(Module module, object state, params ReadOnlySpan<ITensor?> tensors)
    {
        if (!IsTraining) return;
        if (!_saved.TryGetValue(module, out Stack<object>? states)) _saved[module] = states = new();
        states.Push(state);
        foreach (ITensor? tensor in tensors)
        {
            if (tensor is not null) _kept.Add(tensor);
        }
    }

    /// <summary>What the module saved last and has not been given back.</summary>
    /// <exception cref="LowRankToolsException">NothingSaved: no training pass, or more ways back than forward.</exception>
    public T Restore<T>(Module module) =>
        _saved.TryGetValue(module, out Stack<object>? states) && states.TryPop(out object? state)
            ? (T)state
            : throw new LowRankToolsException("NothingSaved", $"{module.TypeName} has nothing to go back to.", "Run forward once for each way back, in a training pass.");

    /// <summary>Frees what was saved and released. What the caller still holds stays.</summary>
    public void Dispose() => Forget();

    /// <summary>The same in the middle of a pass, after a way back: batches that run one after the other need the memory of one.</summary>
    public void Forget()
    {
        foreach (ITensor tensor in _waiting) tensor.Dispose();
        _waiting.Clear();
        _kept.Clear();
        _saved.Clear();
    }
}
