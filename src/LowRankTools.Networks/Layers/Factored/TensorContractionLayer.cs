using System.Collections.Concurrent;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.Factored;

/// <summary>
/// Y = f(X x_1 U_1 x_2 ... x_d U_d + b): every mode of an activation of d modes becomes smaller (or larger) by a matrix of its own (Kossaifi, Khanna, Lipton, Furlanello,
/// Anandkumar, "Tensor contraction layers for parsimonious deep nets", 2017). Activations are rows of memory, tokens x (n_1 ... n_d), last mode fastest, and so are results; so it is the
/// linear layer whose weight is U_1 (x) ... (x) U_d. The parameters are <c>factor_0</c>, <c>factor_1</c> and so on (m_k x n_k), and <c>bias</c>.
/// </summary>
public sealed class TensorContractionLayer : FactoredLinear
{
    private readonly int[] _inputs, _outputs;
    private readonly ConcurrentDictionary<int, FactorProgram> _programs = new();

    /// <summary>Creates a layer with a fresh start, whose outputs have the spread of a linear layer's.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="inputShape">n_1 to n_d.</param>
    /// <param name="outputShape">m_1 to m_d.</param>
    /// <param name="bias">Whether a bias of the outputs' shape is added.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public TensorContractionLayer(ParameterFactory factory, IReadOnlyList<int> inputShape, IReadOnlyList<int> outputShape, bool bias = true)
        : this([.. Paired(inputShape, outputShape).Select(p => factory.Uniform(Linear.Bound(p.In) * Math.Pow(3, 0.5 - (0.5 / inputShape.Count)), p.Out, p.In))],
            bias ? factory.Uniform(Linear.Bound(Size(inputShape)), [.. outputShape]) : null)
    {
    }

    /// <summary>Creates a layer of matrices that are there already.</summary>
    /// <param name="factors">U_1 to U_d, m_k x n_k.</param>
    /// <param name="bias">b, m_1 ... m_d entries, or null.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public TensorContractionLayer(IReadOnlyList<Parameter> factors, Parameter? bias)
        : base(Size(Checked(factors).Select(f => f.Shape[1])), Size(factors.Select(f => f.Shape[0])), factors.Select((f, k) => ($"factor_{k}", f)), bias) =>
        (_inputs, _outputs) = ([.. factors.Select(f => f.Shape[1])], [.. factors.Select(f => f.Shape[0])]);

    /// <summary>n_1 to n_d.</summary>
    public IReadOnlyList<int> InputShape => _inputs;

    /// <summary>m_1 to m_d.</summary>
    public IReadOnlyList<int> OutputShape => _outputs;

    /// <summary>U_1 to U_d.</summary>
    public IReadOnlyList<Parameter> Factors => Parts.ToArray();

    /// <inheritdoc/>
    protected override string Arguments => $"input_shape=({string.Join(", ", _inputs)}), output_shape=({string.Join(", ", _outputs)}), bias={HasBias}";

    /// <summary>
    /// The layer near a dense one: U_1 (x) ... (x) U_d near its weight. Its entries in another order are a tensor (m_1 n_1) x ... x (m_d n_d) of which that is a separable
    /// one (Van Loan, Pitsianis, "Approximation with Kronecker products", 1993), found by CP of rank 1; for two modes it is the best there is.
    /// </summary>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="dense">The layer; its bias is shared, its weight is left as it is.</param>
    /// <param name="inputShape">n_1 to n_d, whose product is the inputs.</param>
    /// <param name="outputShape">m_1 to m_d, whose product is the outputs.</param>
    /// <param name="ct">Stops the decomposition.</param>
    /// <returns>The layer and the relative error of its weight.</returns>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, NonFiniteValues, ParameterNotLoaded.</exception>
    public static (TensorContractionLayer Layer, double RelativeError) FromDense(INetworkEngine engine, Linear dense, IReadOnlyList<int> inputShape, IReadOnlyList<int> outputShape, CancellationToken ct = default)
    {
        (int In, int Out)[] modes = [.. Paired(inputShape, outputShape)];
        FactoredShapes.Require(dense, inputShape, outputShape);
        int count = modes.Length;
        using ITensor turned = engine.Permute(engine.View(dense.Weight.Value, [.. outputShape, .. inputShape]), [.. Enumerable.Range(0, count).SelectMany(k => new[] { k, count + k })]);
        ElementType type = dense.Weight.Value.ElementType;
        // One mode is the matrix itself.
        if (count == 1) return (new TensorContractionLayer([Parameter(engine, engine.ToArray(turned), modes[0], type)], dense.Bias), 0);
        using Tensor tensor = Tensor.From(engine.ToArray(turned), [.. modes.Select(m => m.In * m.Out)]);
        using Decomposition separable = DecompositionMethods.Find("Cp").Decompose(tensor, new DecompositionOptions { Ranks = [1] }, null, ct);
        double weight = separable.Factors[0].Values.Values[0], share = Math.Pow(Math.Abs(weight), 1.0 / count);
        Parameter[] factors = [.. modes.Select((mode, k) => Parameter(engine, [.. separable.Factors[k + 1].Values.Values.ToArray().Select(v => v * share * (k == 0 ? Math.Sign(weight) : 1))], mode, type))];
        return (new TensorContractionLayer(factors, dense.Bias), separable.RelativeError);
    }

    /// <summary>The dense layer of the Kronecker product; it shares the bias.</summary>
    /// <param name="engine">Where its weight lives.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ParameterNotLoaded.</exception>
    public Linear ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        // The layer of the unit vectors: rows are inputs, so the weight is the transpose of what comes out.
        FactorProgram program = Order(InFeatures);
        ITensor first = Parts[0].Value;
        using ITensor unit = FactoredShapes.Identity(engine, InFeatures, first.ElementType);
        using FactorRun run = program.Run(engine, [unit, .. Factors.Select(f => f.Value)], ct);
        return new Linear(new Parameter(OutFeatures, InFeatures) { Value = engine.Copy(engine.Transpose(engine.View(run.Result, InFeatures, OutFeatures)), first.ElementType) }, FactoredShapes.Flat(engine, Bias));
    }

    private protected override FactorProgram Program(int tokens) => Order(tokens);

    private FactorProgram Order(int tokens) => _programs.GetOrAdd(tokens, static (count, layer) =>
    {
        ModeStep[] steps = [.. layer._inputs.Select((n, k) => new ModeStep(k + 1, k + 1, n, layer._outputs[k], IsTransposed: true))];
        return ModeSteps.Orders(steps).Select(order =>
        {
            FactorProgram program = new([[count, layer.InFeatures], .. layer._inputs.Select((n, k) => new[] { layer._outputs[k], n })]);
            (int state, int[] sizes) = ModeSteps.Apply(program, 0, [count, .. layer._inputs], order);
            program.Permute(state, sizes, [.. Enumerable.Range(0, sizes.Length)], count, layer.OutFeatures);
            return program;
        }).MinBy(ModeSteps.CostOf)!;
    }, this);

    private static Parameter Parameter(INetworkEngine engine, double[] values, (int In, int Out) mode, ElementType type)
    {
        using ITensor wide = engine.FromDoubles(values, mode.Out, mode.In);
        return new Parameter(mode.Out, mode.In) { Value = engine.Copy(wide, type) };
    }

    private static IReadOnlyList<Parameter> Checked(IReadOnlyList<Parameter> factors)
    {
        FactoredShapes.Require([.. factors.SelectMany(f => f.Shape)], factors.Count > 0 && factors.All(f => f.Shape.Count == 2));
        return factors;
    }

    private static IEnumerable<(int In, int Out)> Paired(IReadOnlyList<int> inputs, IReadOnlyList<int> outputs)
    {
        FactoredShapes.Require([.. inputs, .. outputs], inputs.Count > 0 && inputs.Count == outputs.Count);
        return inputs.Zip(outputs);
    }

    private static int Size(IEnumerable<int> sizes) => FactoredShapes.Size(sizes);
}
