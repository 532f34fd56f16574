using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Training;

/// <summary>
/// Changes parameters by their gradients. What it remembers of a parameter is made with that parameter's first step, so that
/// frozen ones cost nothing.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private readonly Dictionary<Parameter, ITensor[]> _memory = [];

    /// <summary>Steps done.</summary>
    public int StepNumber { get; private set; }

    /// <summary>Factor of the learning rate in the next steps: what a schedule sets.</summary>
    public double RateFactor { get; set; } = 1;

    /// <summary>Entries of everything that is remembered.</summary>
    public long MemoryLength => _memory.Values.Sum(tensors => tensors.Sum(tensor => tensor.Length));

    /// <summary>Kind and numbers: two optimizers of one text make the same steps.</summary>
    public abstract string Description { get; }

    /// <summary>Names of what is remembered of each parameter, each of its shape and zero at first.</summary>
    protected abstract IReadOnlyList<string> MemoryNames { get; }

    /// <summary>One step for each trainable parameter that has a gradient; the gradients are forgotten.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="module">The network.</param>
    /// <param name="ct">Stops in the middle of the step: some parameters have made it then, and some not.</param>
    public void Step(INetworkEngine engine, Module module, CancellationToken ct = default)
    {
        StepNumber++;
        foreach (Parameter parameter in module.Parameters())
        {
            if (parameter is { Trainable: true, Gradient: { } gradient }) Update(engine, parameter, gradient, Memory(engine, parameter), ct);
            parameter.ClearGradient();
        }
    }

    /// <summary>Copies what is remembered, under the parameters' names.</summary>
    public OptimizerState Save(INetworkEngine engine, Module module)
    {
        List<SavedTensor> tensors = [];
        foreach (NamedParameter named in module.StateDict().DistinctBy(p => p.Parameter))
        {
            if (!_memory.TryGetValue(named.Parameter, out ITensor[]? memory)) continue;
            tensors.AddRange(memory.Select((tensor, i) => SavedTensor.Of(engine, $"{named.Name}.{MemoryNames[i]}", tensor)));
        }

        return new OptimizerState(Description, StepNumber, tensors);
    }

    /// <summary>Goes on where another optimizer was when it was saved.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="module">The network, with the same names.</param>
    /// <param name="state">From <see cref="Save"/>.</param>
    /// <exception cref="LowRankToolsException">CheckpointDoesNotFit: another kind, other numbers, names or shapes. Nothing is changed then.</exception>
    public void Restore(INetworkEngine engine, Module module, OptimizerState state)
    {
        Require(module, state);
        Dictionary<string, SavedTensor> saved = state.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        Dispose();
        foreach (NamedParameter named in module.StateDict().DistinctBy(p => p.Parameter))
        {
            if (MemoryNames.Count > 0 && saved.ContainsKey($"{named.Name}.{MemoryNames[0]}"))
                _memory[named.Parameter] = [.. MemoryNames.Select(memory => saved[$"{named.Name}.{memory}"].ToTensor(engine))];
        }

        StepNumber = state.StepNumber;
    }

    /// <summary>Forgets everything but the number of steps.</summary>
    public void Dispose()
    {
        foreach (ITensor tensor in _memory.Values.SelectMany(tensors => tensors)) tensor.Dispose();
        _memory.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>Fails as <see cref="Restore"/> would, and changes nothing.</summary>
    internal void Require(Module module, OptimizerState state)
    {
        if (state.Description != Description) throw SavedTensor.Unfit($"It was saved by '{state.Description}', and this is '{Description}'.");
        Dictionary<string, IReadOnlyList<int>> shapes = module.StateDict().DistinctBy(p => p.Parameter)
            .SelectMany(p => MemoryNames.Select(memory => (Name: $"{p.Name}.{memory}", p.Parameter.Shape))).ToDictionary(p => p.Name, p => p.Shape, StringComparer.Ordinal);
        foreach (SavedTensor tensor in state.Tensors)
        {
            if (!shapes.TryGetValue(tensor.Name, out IReadOnlyList<int>? shape) || !shape.SequenceEqual(tensor.Shape))
                throw SavedTensor.Unfit($"The network has no ({string.Join(" x ", tensor.Shape)}) parameter for '{tensor.Name}'.");
            tensor.Check();
        }

        // Of a parameter all is remembered, or nothing.
        foreach (IGrouping<string, SavedTensor> group in state.Tensors.GroupBy(t => t.Name[..t.Name.LastIndexOf('.')]))
        {
            if (group.DistinctBy(t => t.Name).Count() != MemoryNames.Count || group.Count() != MemoryNames.Count) throw SavedTensor.Unfit($"It does not hold all of '{group.Key}'.");
        }
    }

    /// <summary>Changes one parameter.</summary>
    /// <param name="engine">Where it lives.</param>
    /// <param name="parameter">Changed.</param>
    /// <param name="gradient">Of its shape; may be changed.</param>
    /// <param name="memory">What is remembered of it, in the order of <see cref="MemoryNames"/>; changed.</param>
    /// <param name="ct">Stops the step.</param>
    protected abstract void Update(INetworkEngine engine, Parameter parameter, ITensor gradient, IReadOnlyList<ITensor> memory, CancellationToken ct);

    private ITensor[] Memory(INetworkEngine engine, Parameter parameter)
    {
        if (!_memory.TryGetValue(parameter, out ITensor[]? memory))
            _memory[parameter] = memory = [.. MemoryNames.Select(_ => engine.Create(parameter.Value.ElementType, [.. parameter.Shape]))];
        return memory;
    }
}
