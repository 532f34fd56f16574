using LowRankTools.Decompositions.Pivoted;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Networks.Layers.Pivoted;

/// <summary>
/// A pivoted pair in place of a dense layer (<see cref="PivotedLayer"/>): r outputs are p = x A^T, A of r x in, the others p C^T, C of (out - r) x r, each at its place, and y = f(... + b). It multiplies
/// r (in + out - r) times a token where a pair does r (in + out) times. Parameters <c>weight.pivots</c>, <c>weight.rows</c>, <c>weight.others</c> and <c>bias</c>; the pivots get no gradient.
/// </summary>
public sealed class PivotedLinear : LinearLayer
{
    private Places? _places;

    /// <summary>Creates a layer of factors that are there already, or of shapes alone.</summary>
    /// <param name="pivots">One number for each output: 1 where it is a row of A, 0 where it is one of C.</param>
    /// <param name="rows">A, r x in.</param>
    /// <param name="others">C, (out - r) x r.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public PivotedLinear(Parameter pivots, Parameter rows, Parameter others, Parameter? bias)
    {
        if (pivots.Shape.Count != 1 || rows.Shape.Count != 2 || others.Shape.Count != 2 || others.Shape[1] != rows.Shape[0] || others.Shape[0] + rows.Shape[0] != pivots.Length || bias is not null && bias.Length != pivots.Length)
            throw new LowRankToolsException("ShapesDoNotMatch", $"Pivots of {Text(pivots)}, rows of {Text(rows)}, others of {Text(others)} and a bias of {(bias is null ? "none" : Text(bias))} are no pivoted pair.");
        Pivots = AddParameter("weight.pivots", pivots);
        Rows = AddParameter("weight.rows", rows);
        Others = AddParameter("weight.others", others);
        if (bias is not null)
            Bias = AddParameter("bias", bias);
    }

    /// <summary>Which outputs are rows of A.</summary>
    public Parameter Pivots { get; }

    /// <summary>A, r x in.</summary>
    public Parameter Rows { get; }

    /// <summary>C, (out - r) x r.</summary>
    public Parameter Others { get; }

    /// <summary>b, out, or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>r.</summary>
    public int Rank => Rows.Shape[0];

    /// <inheritdoc/>
    public override int InFeatures => Rows.Shape[1];

    /// <inheritdoc/>
    public override int OutFeatures => (int)Pivots.Length;

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={InFeatures}, out_features={OutFeatures}, rank={Rank}, bias={HasBias}";

    /// <summary>A layer in place of a dense one, by the best pair of a rank (Eckart and Young, 1936).</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="dense">The layer; its bias is taken over.</param>
    /// <param name="rank">r, below the outputs and at most the inputs.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>, <c>NonFiniteValues</c>.</exception>
    public static PivotedLinear FromDense(INetworkEngine engine, Linear dense, int rank, ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Tensor weight = Tensor.From(engine.ToArray(dense.Weight.Value), dense.OutFeatures, dense.InFeatures);
        IReadOnlyList<Tensor> factors = new PivotedLayer().Factorize(weight, [rank], options ?? ComputeOptions.Default, null, ct);
        Parameter[] parameters = new Parameter[factors.Count];
        for (int i = 0; i < parameters.Length; i++)
        {
            using Tensor factor = factors[i];
            parameters[i] = new Parameter([.. factor.Shape]) { Value = Value(engine, factor, dense.Weight.Value.ElementType) };
        }
        return new PivotedLinear(parameters[0], parameters[1], parameters[2], dense.Bias);
    }

    /// <summary>The dense layer, with the same bias.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="ct">Stops the computation.</param>
    public Linear ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        using ITensor stacked = engine.Uninitialized(Rows.Value.ElementType, OutFeatures, InFeatures);
        engine.AddScaled(1, Rows.Value, 0, engine.Slice(stacked, 0, Rank));
        engine.MatMul(1, Others.Value, Rows.Value, 0, engine.Slice(stacked, Rank, OutFeatures - Rank), ct);
        ITensor weight = engine.Uninitialized(Rows.Value.ElementType, OutFeatures, InFeatures);
        engine.Gather(stacked, PlacesOn(engine).Of, weight, ct);
        return new Linear(new Parameter(OutFeatures, InFeatures) { Value = weight }, Bias);
    }

    /// <summary>
    /// The pair of the same product, balanced, with the same bias: B = U S^(1/2), A = S^(1/2) V^T of its singular value decomposition, so that steps of one size suit both factors. Rows and
    /// coefficients are of very different sizes, and a training that goes well with pairs does not with them.
    /// </summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation.</param>
    public LowRankLinear ToPair(INetworkEngine engine, ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Matrix<float> rows = engine.ToMatrix(Rows.Value), others = engine.ToMatrix(Others.Value), left = new(OutFeatures, Rank);
        int[] places = PlacesOn(engine).Of;
        for (int i = 0; i < OutFeatures; i++)
        {
            if (places[i] < Rank)
                left[i, places[i]] = 1;
            else
                others.Row(places[i] - Rank).CopyTo(left.Row(i));
        }
        using FactoredSvdResult svd = FactoredSvd.Compute(left.View, rows.View, _ => Rank, options, ct);
        Parameter Half(Matrix<float> values)
        {
            using ITensor single = engine.Load(values.View);
            return new Parameter(values.Rows, values.Columns) { Value = engine.Copy(single, Rows.Value.ElementType) };
        }
        return new LowRankLinear(new Linear(Half(svd.Right), null), new Linear(Half(svd.Left), Bias));
    }

    /// <summary>Takes the product of a pair as its own: other rows may be kept then. Biases stay.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="pair">Of this layer's sizes and rank.</param>
    /// <param name="options">Threads.</param>
    /// <param name="ct">Stops the computation; nothing is changed then.</param>
    /// <exception cref="LowRankToolsException"><c>ShapesDoNotMatch</c>.</exception>
    public void TakeProduct(INetworkEngine engine, LowRankLinear pair, ComputeOptions? options = null, CancellationToken ct = default)
    {
        using Tensor left = Tensor.From(engine.ToArray(pair.Second.Weight.Value), pair.OutFeatures, pair.Rank), right = Tensor.From(engine.ToArray(pair.First.Weight.Value), pair.Rank, pair.InFeatures);
        Parameter[] own = [Pivots, Rows, Others];
        IReadOnlyList<Tensor> factors = new PivotedLayer().FromPair(left.Matricize(1), right.Matricize(1), options ?? ComputeOptions.Default, ct);
        for (int i = 0; i < own.Length; i++)
        {
            using Tensor factor = factors[i];
            own[i].Value = Value(engine, factor, own[i].Value.ElementType);
        }
    }

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        int tokens = x.Shape[0];
        // Outputs by tokens: so an output is a row, and rows are brought to their places as they are.
        ITensor stacked = pass.New(x, OutFeatures, tokens);
        ITensor kept = engine.Slice(stacked, 0, Rank);
        engine.MatMul(1, Rows.Value, engine.Transpose(x), 0, kept, ct);
        engine.MatMul(1, Others.Value, kept, 0, engine.Slice(stacked, Rank, OutFeatures - Rank), ct);
        ITensor product;
        using (ITensor placed = pass.New(x, OutFeatures, tokens))
        {
            engine.Gather(stacked, PlacesOn(engine).Of, placed, ct);
            product = engine.Permute(placed, 1, 0);
        }
        bool keeps = pass.IsTraining && activation != Activation.None;
        ITensor y = keeps ? pass.New(x, tokens, OutFeatures) : product;
        if (Bias is not null || activation != Activation.None)
            engine.Activate(activation, product, Bias?.Value, y, ct);
        ITensor? before = keeps ? product : null;
        pass.Save(this, new State(x, stacked, before), x, stacked, before);
        pass.Release(stacked);
        if (keeps)
            pass.Release(product);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor stacked, ITensor? product) = pass.Restore<State>(this);
        if (product is not null)
            engine.ActivateBackward(activation, product, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true })
            engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        using ITensor back = pass.New(x, OutFeatures, x.Shape[0]);
        using (ITensor placed = engine.Permute(gradient, 1, 0))
            engine.Gather(placed, PlacesOn(engine).From, back, ct);
        gradient.Dispose();
        ITensor ofKept = engine.Slice(back, 0, Rank), ofOthers = engine.Slice(back, Rank, OutFeatures - Rank);
        Add(engine, Others, ofOthers, engine.Transpose(engine.Slice(stacked, 0, Rank)), ct);
        engine.MatMul(1, engine.Transpose(Others.Value), ofOthers, 1, ofKept, ct);
        Add(engine, Rows, ofKept, x, ct);
        ITensor dx = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, engine.Transpose(ofKept), Rows.Value, 0, dx, ct);
        return dx;
    }

    private static void Add(INetworkEngine engine, Parameter factor, ITensor outputs, ITensor inputs, CancellationToken ct)
    {
        if (!factor.Trainable)
            return;
        ITensor total = factor.GradientOn(engine, out double beta);
        engine.MatMul(1, outputs, inputs, beta, total, ct);
    }

    private static ITensor Value(INetworkEngine engine, Tensor factor, ElementType type)
    {
        using ITensor wide = engine.FromDoubles(factor.Values, [.. factor.Shape]);
        return engine.Copy(wide, type);
    }

    // The pivots of a loaded layer do not change; another value of them makes other places.
    private Places PlacesOn(INetworkEngine engine)
    {
        if (_places is { } known && ReferenceEquals(known.Pivots, Pivots.Value))
            return known;
        int[] of = [.. PivotOrder.Of(engine.ToArray(Pivots.Value), Rank)], from = new int[of.Length];
        for (int i = 0; i < of.Length; i++)
            from[of[i]] = i;
        return _places = new Places(Pivots.Value, of, from);
    }

    private static string Text(Parameter parameter) => string.Join(" x ", parameter.Shape);

    /// <summary>Where outputs are among A's and C's rows, and where those are among the outputs.</summary>
    private sealed record Places(ITensor Pivots, int[] Of, int[] From);

    private sealed record State(ITensor X, ITensor Stacked, ITensor? Product);
}
