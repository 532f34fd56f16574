using System.Collections.Concurrent;
using LowRankTools.Decompositions;
using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>
/// y = f(x W^T + b) with W (out x in) as a TT-matrix (Novikov, Podoprikhin, Osokin, Vetrov, "Tensorizing neural networks", 2015): its cores (r, m, n, r') are the parameters, named
/// <c>weight.core0</c>, <c>weight.core1</c> and so on, as a file of factors has them. For each number of tokens the cheapest order is taken,
/// which may be to multiply some cores or all of them out first.
/// </summary>
public sealed class TensorTrainLinear : LinearLayer
{
    private readonly Parameter[] _cores;
    private readonly int[][] _shapes;
    private readonly ConcurrentDictionary<int, TensorTrainOrder> _orders = new();

    /// <summary>Creates a layer of cores that are there already.</summary>
    /// <param name="cores">G_1 to G_d of shapes (r_(k-1), m_k, n_k, r_k), r_0 = r_d = 1.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public TensorTrainLinear(IReadOnlyList<Parameter> cores, Parameter? bias)
    {
        TensorTrainCores.Require(cores);
        _cores = [.. cores.Select((core, k) => AddParameter($"weight.core{k}", core))];
        _shapes = [.. cores.Select(c => c.Shape.ToArray())];
        (OutFeatures, InFeatures) = (_shapes.Aggregate(1, (n, s) => n * s[1]), _shapes.Aggregate(1, (n, s) => n * s[2]));
        if (bias is not null && bias.Length != OutFeatures) throw new LowRankToolsException("ShapesDoNotMatch", $"A bias of {bias.Length} entries is none of {OutFeatures} outputs.");
        if (bias is not null) Bias = AddParameter("bias", bias);
    }

    /// <summary>G_1 to G_d.</summary>
    public IReadOnlyList<Parameter> Cores => _cores;

    /// <summary>b, out, or null.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    public override int InFeatures { get; }

    /// <inheritdoc/>
    public override int OutFeatures { get; }

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

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

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        FactorProgram program = Order(x.Shape[0]).Program;
        ITensor y = pass.New(x, x.Shape[0], OutFeatures);
        // Only the way back through an activation needs what it was applied to.
        bool inPlace = program.EndsInProduct && (activation == Activation.None || !pass.IsTraining);
        FactorRun run = program.Run(engine, [x, .. _cores.Select(c => c.Value)], pass.CancellationToken, inPlace ? y : null);
        if (!inPlace || Bias is not null || activation != Activation.None) engine.Activate(activation, inPlace ? y : run.Result, Bias?.Value, y, pass.CancellationToken);
        pass.Save(this, new State(program, run), [x, .. run.Owned]);
        foreach (ITensor tensor in run.Owned) pass.Release(tensor);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        (FactorProgram program, FactorRun run) = pass.Restore<State>(this);
        if (activation != Activation.None) engine.ActivateBackward(activation, run.Result, Bias?.Value, gradient, gradient, pass.CancellationToken);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), pass.CancellationToken);
        using FactorRun gradients = program.Back(engine, run, gradient, pass.CancellationToken);
        TensorTrainCores.Add(engine, _cores, gradients.Tensors.AsSpan(1, _cores.Length));
        ITensor dx = engine.Copy(gradients.Tensors[0], gradient.ElementType);
        gradient.Dispose();
        return dx;
    }

    internal TensorTrainOrder Order(int tokens) => _orders.GetOrAdd(tokens, static (count, shapes) => TensorTrainOrder.Cheapest(shapes, count), _shapes);

    private sealed record State(FactorProgram Program, FactorRun Run);
}
