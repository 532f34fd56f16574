using System.Collections.Concurrent;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.Factored;

/// <summary>
/// Y = f(&lt;X, W&gt; + b): an activation of d modes is contracted with a weight of d + e modes, which is a CP, Tucker or tensor train decomposition (Kossaifi, Lipton, Kolbeinsson,
/// Khanna, Furlanello, Anandkumar, "Tensor regression networks", 2020). Activations are rows of memory, tokens x (n_1 ... n_d), last mode fastest, and so are results; so it takes the
/// place of flattening and a linear layer. The parameters are the decomposition's factors, <c>weight.core</c>, <c>weight.factor0</c> and so on, and <c>bias</c>.
/// </summary>
public sealed class TensorRegressionLayer : FactoredLinear
{
    private readonly int[] _inputs, _outputs;
    private readonly RegressionPrograms _orders;
    private readonly ConcurrentDictionary<int, FactorProgram> _programs = new();

    /// <summary>Creates a layer with a fresh start, whose weight has entries of the spread of a linear layer's.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="inputShape">n_1 to n_d.</param>
    /// <param name="outputShape">o_1 to o_e.</param>
    /// <param name="method">Cp, Tucker or TensorTrain.</param>
    /// <param name="ranks">Ranks of the decomposition, each: one for CP, d + e for Tucker, d + e - 1 for a tensor train.</param>
    /// <param name="bias">Whether a bias of the outputs' shape is added.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, OptionInvalid: another method.</exception>
    public TensorRegressionLayer(ParameterFactory factory, IReadOnlyList<int> inputShape, IReadOnlyList<int> outputShape, string method, IReadOnlyList<int> ranks, bool bias = true)
        : this(method, inputShape, outputShape, ranks, Started(factory, method, inputShape, outputShape, ranks), bias ? factory.Uniform(Linear.Bound(FactoredShapes.Size(inputShape)), [.. outputShape]) : null)
    {
    }

    /// <summary>Creates a layer of factors that are there already.</summary>
    /// <param name="method">Cp, Tucker or TensorTrain.</param>
    /// <param name="inputShape">n_1 to n_d.</param>
    /// <param name="outputShape">o_1 to o_e.</param>
    /// <param name="ranks">Ranks of the decomposition.</param>
    /// <param name="factors">Its factors, in its order.</param>
    /// <param name="bias">b, o_1 ... o_e entries, or null.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, OptionInvalid: another method.</exception>
    public TensorRegressionLayer(string method, IReadOnlyList<int> inputShape, IReadOnlyList<int> outputShape, IReadOnlyList<int> ranks, IReadOnlyList<Parameter> factors, Parameter? bias)
        : base(FactoredShapes.Size(inputShape), FactoredShapes.Size(outputShape), Named(method, inputShape, outputShape, ranks, factors), bias)
    {
        (Method, Ranks, _inputs, _outputs) = (Find(method).Name, [.. ranks], [.. inputShape], [.. outputShape]);
        _orders = new RegressionPrograms(Method, _inputs, _outputs, [.. factors.Select(f => f.Shape.ToArray())]);
    }

    /// <summary>Cp, Tucker or TensorTrain.</summary>
    public string Method { get; }

    /// <summary>Ranks of the weight.</summary>
    public IReadOnlyList<int> Ranks { get; }

    /// <summary>n_1 to n_d.</summary>
    public IReadOnlyList<int> InputShape => _inputs;

    /// <summary>o_1 to o_e.</summary>
    public IReadOnlyList<int> OutputShape => _outputs;

    /// <summary>Factors of the weight (n_1 x ... x n_d x o_1 x ... x o_e).</summary>
    public IReadOnlyList<Parameter> Factors => Parts.ToArray();

    /// <inheritdoc/>
    protected override string Arguments =>
        $"input_shape=({string.Join(", ", _inputs)}), output_shape=({string.Join(", ", _outputs)}), factorization={Method}, rank=({string.Join(", ", Ranks)}), bias={HasBias}";

    /// <summary>A layer near a dense one, whose weight is decomposed as a tensor n_1 x ... x n_d x o_1 x ... x o_e.</summary>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="dense">The layer; its bias is shared, its weight is left as it is.</param>
    /// <param name="inputShape">n_1 to n_d, whose product is the inputs.</param>
    /// <param name="outputShape">o_1 to o_e, whose product is the outputs.</param>
    /// <param name="method">Cp, Tucker or TensorTrain.</param>
    /// <param name="options">Ranks or a tolerance, as the method takes them.</param>
    /// <param name="ct">Stops the decomposition.</param>
    /// <returns>The layer and the relative error of its weight.</returns>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch, OptionInvalid, NonFiniteValues, ParameterNotLoaded.</exception>
    public static (TensorRegressionLayer Layer, double RelativeError) FromDense(
        INetworkEngine engine, Linear dense, IReadOnlyList<int> inputShape, IReadOnlyList<int> outputShape, string method, DecompositionOptions options, CancellationToken ct = default)
    {
        FactoredShapes.Require(dense, inputShape, outputShape);
        using ITensor turned = engine.Copy(engine.Transpose(dense.Weight.Value), ElementType.Float64);
        using Tensor weight = Tensor.From(engine.ToArray(turned), [.. inputShape, .. outputShape]);
        using Decomposition found = Find(method).Decompose(weight, options, null, ct);
        Parameter[] factors = [.. found.Factors.Select(f =>
        {
            using ITensor wide = engine.FromDoubles(f.Values.Values, [.. f.Values.Shape]);
            return new Parameter([.. f.Values.Shape]) { Value = engine.Copy(wide, dense.Weight.Value.ElementType) };
        })];
        return (new TensorRegressionLayer(method, inputShape, outputShape, found.Ranks, factors, dense.Bias), found.RelativeError);
    }

    /// <summary>The dense layer of the same weight; it shares the bias.</summary>
    /// <param name="engine">Where its weight lives.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException">ParameterNotLoaded.</exception>
    public Linear ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        using FactorRun run = _orders.Dense().Run(engine, [.. Factors.Select(f => f.Value)], ct);
        ITensor transposed = engine.Transpose(engine.View(run.Result, InFeatures, OutFeatures));
        return new Linear(new Parameter(OutFeatures, InFeatures) { Value = engine.Copy(transposed, Parts[0].Value.ElementType) }, FactoredShapes.Flat(engine, Bias));
    }

    private protected override FactorProgram Program(int tokens) => _programs.GetOrAdd(tokens, static (count, orders) => orders.All(count).MinBy(ModeSteps.CostOf)!, _orders);

    // The weight is a sum of as many products as there are ways through the ranks; W then has entries of variance 1 / (3 n), as a linear layer starts.
    private static Parameter[] Started(ParameterFactory factory, string method, IReadOnlyList<int> inputs, IReadOnlyList<int> outputs, IReadOnlyList<int> ranks)
    {
        FactorShape[] shapes = Shapes(method, inputs, outputs, ranks);
        bool weighted = shapes[0].Shape.Count == 1;
        int random = shapes.Length - (weighted ? 1 : 0);
        double ways = ranks.Where((_, k) => method != "Tucker" || shapes.Any(s => s.Name == $"factor{k}")).Aggregate(1.0, (n, r) => n * r);
        double deviation = Math.Pow(3.0 * FactoredShapes.Size(inputs) * ways, -0.5 / random);
        return [.. shapes.Select((s, k) => weighted && k == 0 ? factory.Constant(1, [.. s.Shape]) : factory.Normal(deviation, [.. s.Shape]))];
    }

    private static IEnumerable<(string Name, Parameter Factor)> Named(string method, IReadOnlyList<int> inputs, IReadOnlyList<int> outputs, IReadOnlyList<int> ranks, IReadOnlyList<Parameter> factors)
    {
        FactorShape[] shapes = Shapes(method, inputs, outputs, ranks);
        if (shapes.Length != factors.Count || shapes.Where((s, k) => !s.Shape.SequenceEqual(factors[k].Shape)).Any())
            throw new LowRankToolsException("ShapesDoNotMatch", $"{string.Join(", ", factors.Select(f => $"({string.Join(" x ", f.Shape)})"))} are no factors of a {method} weight with these modes and ranks.");
        return shapes.Select((s, k) => ($"weight.{s.Name}", factors[k]));
    }

    private static FactorShape[] Shapes(string method, IReadOnlyList<int> inputs, IReadOnlyList<int> outputs, IReadOnlyList<int> ranks)
    {
        FactoredShapes.Require([.. inputs, .. outputs], inputs.Count > 0 && outputs.Count > 0);
        return [.. Find(method).Factors([.. inputs, .. outputs], ranks)];
    }

    private static DecompositionMethod Find(string method) => method is "Cp" or "Tucker" or "TensorTrain"
        ? DecompositionMethods.Find(method)
        : throw new LowRankToolsException("OptionInvalid", $"A tensor regression layer has no weight of method '{method}'.", "Choose Cp, Tucker or TensorTrain.");
}
