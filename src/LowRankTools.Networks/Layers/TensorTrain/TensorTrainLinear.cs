using System.Collections.Concurrent;
using LowRankTools.Decompositions;
using LowRankTools.Networks.Layers.Factored;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.TensorTrain;

/// <summary>
/// y = f(x W^T + b) with W (out x in) as a TT-matrix (Novikov, Podoprikhin, Osokin, Vetrov, "Tensorizing neural networks", 2015): its cores (r, m, n, r') are the parameters, named
/// <c>weight.core0</c>, <c>weight.core1</c> and so on, as a file of factors has them. For each number of tokens the cheapest order is taken,
/// which may be to multiply some cores or all of them out first.
/// </summary>
public sealed class TensorTrainLinear : FactoredLinear
{
    private readonly Parameter[] _cores;
    private readonly int[][] _shapes;
    private readonly ConcurrentDictionary<int, TensorTrainOrder> _orders = new();

    /// <summary>Creates a layer of cores that are there already.</summary>
    /// <param name="cores">G_1 to G_d of shapes (r_(k-1), m_k, n_k, r_k), r_0 = r_d = 1.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public TensorTrainLinear(IReadOnlyList<Parameter> cores, Parameter? bias)
        : base(Checked(cores).Aggregate(1, (n, c) => n * c.Shape[2]), cores.Aggregate(1, (n, c) => n * c.Shape[1]), cores.Select((core, k) => ($"weight.core{k}", core)), bias)
    {
        _cores = [.. cores];
        _shapes = [.. cores.Select(c => c.Shape.ToArray())];
    }

    /// <summary>G_1 to G_d.</summary>
    public IReadOnlyList<Parameter> Cores => _cores;

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={InFeatures}, out_features={OutFeatures}, bias={HasBias}, ranks=[{string.Join(", ", _shapes.Skip(1).Select(s => s[0]))}]";

    /// <summary>A layer near a dense one, by TT-SVD of its weight.</summary>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="dense">The layer; its bias is shared, its weight is left as it is.</param>
    /// <param name="options">Ranks or a tolerance, as TensorTrainMatrix takes them.</param>
    /// <param name="ct">Stops the decomposition.</param>
    /// <returns>The layer and the relative error of its weight.</returns>
    /// <exception cref="LowRankToolsException">OptionInvalid, NonFiniteValues.</exception>
    public static (TensorTrainLinear Layer, double RelativeError) FromDense(INetworkEngine engine, Linear dense, DecompositionOptions options, CancellationToken ct = default)
    {
        (Parameter[] cores, double error) = TensorTrainCores.Decompose(engine, dense.Weight, options, ct);
        return (new TensorTrainLinear(cores, dense.Bias), error);
    }

    /// <summary>A dense layer of the matrix that the cores stand for, and the same bias object.</summary>
    public Linear ToDense(INetworkEngine engine, CancellationToken ct = default) => new(new Parameter(OutFeatures, InFeatures) { Value = TensorTrainCores.Dense(engine, _cores, OutFeatures, InFeatures, ct) }, Bias);

    /// <summary>The order that is taken for a number of tokens, and its multiply-adds: <c>(1 2)(3 4), right to left</c>, or <c>rebuilt</c>.</summary>
    public (string Order, double MultiplyAdds) OrderFor(int tokens) => Order(tokens) is var order ? (order.Text, order.Program.Products) : default;

    private protected override FactorProgram Program(int tokens) => Order(tokens).Program;

    internal TensorTrainOrder Order(int tokens) => _orders.GetOrAdd(tokens, static (count, shapes) => TensorTrainOrder.Cheapest(shapes, count), _shapes);

    private static IReadOnlyList<Parameter> Checked(IReadOnlyList<Parameter> cores)
    {
        TensorTrainCores.Require(cores);
        return cores;
    }
}
