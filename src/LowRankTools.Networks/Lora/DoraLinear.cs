using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A linear layer whose change is learned in length and direction apart (Liu et al., "DoRA", 2024): V = W + s B A, y = x (c V)^T + b with c_i = m_i
/// over the length of V's row i. W is frozen; A, B and the lengths m are trained, and the layer computes at first what it did. Gradients
/// are those of the formula: the paper takes V's lengths for constants to spare memory, which costs nothing here. Dropout reaches the
/// pair alone.
/// </summary>
public sealed class DoraLinear : AdaptedLinear, ILoraLayer
{
    /// <summary>Creates a layer on parameters that are there already; the weight is frozen, and m are its rows' lengths.</summary>
    /// <param name="factory">Makes A, B and m.</param>
    /// <param name="weight">W, out x in.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <param name="options">Rank, alpha, dropout.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive; LoraOptionsInvalid: groups, starts from the weight and fan_in_fan_out are for other layers.</exception>
    public DoraLinear(ParameterFactory factory, Parameter weight, Parameter? bias, LoraOptions options)
        : base(weight, bias, Checked(options))
    {
        A = AddParameter("lora_A", factory.Uniform(Linear.Bound(InFeatures), options.Rank, InFeatures));
        B = AddParameter("lora_B", factory.Constant(0, OutFeatures, options.Rank));
        Magnitude = AddParameter("lora_magnitude_vector", factory.Constant(1, OutFeatures));
        weight.Trainable = false;
    }

    /// <summary>A, rank x in.</summary>
    public Parameter A { get; }

    /// <summary>B, out x rank.</summary>
    public Parameter B { get; }

    /// <summary>m, out: the lengths of the rows of the weight that the layer stands for.</summary>
    public Parameter Magnitude { get; }

    /// <summary>Sets m to the lengths of W + s B A: of a fresh layer, whose B is zero, those of W.</summary>
    /// <param name="engine">Where the parameters live.</param>
    /// <param name="ct">Stops.</param>
    public void ResetMagnitude(INetworkEngine engine, CancellationToken ct = default)
    {
        using ITensor sum = Directions(engine, ct), wide = engine.FromDoubles(Lengths(engine, sum), OutFeatures);
        Magnitude.Value = engine.Copy(wide, Weight.Value.ElementType);
    }

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        if (pass.IsTraining) LoraModes.RequireUnmerged(this, this);
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        if (!pass.IsTraining)
        {
            ITensor result = pass.New(x, x.Shape[0], OutFeatures), weight = Merged ?? Sum(engine, ct);
            engine.MatMul(1, x, engine.Transpose(weight), 0, result, ct);
            if (!ReferenceEquals(weight, Merged)) weight.Dispose();
            if (Bias is not null || activation != Activation.None) engine.Activate(activation, result, Bias?.Value, result, ct);
            return result;
        }

        using ITensor directions = Directions(engine, ct);
        double[] lengths = Lengths(engine, directions);
        ulong seed = Options.Dropout > 0 ? pass.NextSeed() : 0;
        ITensor plain = pass.New(x, x.Shape[0], OutFeatures), inner = pass.New(x, x.Shape[0], Options.Rank);
        ITensor dropped = Dropped(pass, x, seed);
        engine.MatMul(1, dropped, engine.Transpose(A.Value), 0, inner, ct);
        engine.MatMul(1, x, engine.Transpose(Weight.Value), 0, plain, ct);
        engine.MatMul(Options.Scaling, inner, engine.Transpose(B.Value), 1, plain, ct);
        if (!ReferenceEquals(dropped, x)) dropped.Dispose();
        ITensor factors = pass.New(x, x.Shape[0], OutFeatures), product = pass.New(x, x.Shape[0], OutFeatures);
        using (ITensor wide = engine.FromDoubles(Factors(engine, lengths), 1, OutFeatures), row = engine.Copy(wide, x.ElementType))
            engine.Gather(row, new int[x.Shape[0]], factors, ct);
        engine.Gate(Activation.None, plain, factors, product, ct);
        ITensor y = activation != Activation.None ? pass.New(x, x.Shape[0], OutFeatures) : product;
        if (Bias is not null || activation != Activation.None) engine.Activate(activation, product, Bias?.Value, y, ct);
        ITensor? kept = ReferenceEquals(y, product) ? null : product;
        pass.Save(this, new State(x, inner, plain, factors, kept, lengths, seed), x, inner, plain, factors, kept);
        foreach (ITensor? made in (ITensor?[])[inner, plain, factors, kept])
        {
            if (made is not null) pass.Release(made);
        }

        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        State state = pass.Restore<State>(this);
        if (state.Product is not null) engine.ActivateBackward(activation, state.Product, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        using ITensor dPlain = pass.New(state.X, [.. gradient.Shape]), dFactors = pass.New(state.X, [.. gradient.Shape]), dInner = pass.New(state.X, [.. state.Inner.Shape]);
        engine.GateBackward(Activation.None, state.Plain, state.Factors, gradient, dPlain, dFactors, ct);
        gradient.Dispose();
        double[] perLength = ThroughFactors(engine, dFactors, state.Lengths, ct);
        ITensor dx = pass.New(state.X, [.. state.X.Shape]);
        engine.MatMul(1, dPlain, Weight.Value, 0, dx, ct);
        engine.MatMul(Options.Scaling, dPlain, B.Value, 0, dInner, ct);
        AddGradient(engine, Weight, 1, engine.Transpose(dPlain), state.X, ct);
        AddGradient(engine, B, Options.Scaling, engine.Transpose(dPlain), state.Inner, ct);
        ITensor dropped = Dropped(pass, state.X, state.Seed);
        AddGradient(engine, A, 1, engine.Transpose(dInner), dropped, ct);
        if (!ReferenceEquals(dropped, state.X)) dropped.Dispose();
        ThroughLengths(engine, perLength, state.Lengths, ct);
        using ITensor back = pass.New(state.X, [.. state.X.Shape]);
        engine.MatMul(1, dInner, A.Value, 0, back, ct);
        if (Options.Dropout > 0) engine.Dropout(back, Options.Dropout, state.Seed, back, ct);
        engine.AddScaled(1, back, 1, dx);
        return dx;
    }

    /// <inheritdoc/>
    public ITensor Delta(INetworkEngine engine, CancellationToken ct = default)
    {
        ITensor delta = Sum(engine, ct);
        engine.AddScaled(-1, Weight.Value, 1, delta);
        return delta;
    }

    private static LoraOptions Checked(LoraOptions options)
    {
        (options with { Dropout = 0, Dora = false }).CheckPlain("layers with DoRA");
        options.Check();
        return options with { Dora = true };
    }

    // dm = dc / |v|, and what each row's |v| gets: -dc m / |v|^2.
    private double[] ThroughFactors(INetworkEngine engine, ITensor dFactors, double[] lengths, CancellationToken ct)
    {
        using ITensor sums = engine.Create(dFactors.ElementType, OutFeatures);
        engine.AddColumnSums(dFactors, sums, ct);
        double[] dc = engine.ToArray(sums), m = engine.ToArray(Magnitude.Value);
        if (Magnitude.Trainable)
        {
            using ITensor wide = engine.FromDoubles([.. dc.Select((d, i) => Over(d, lengths[i]))], OutFeatures), own = engine.Copy(wide, dFactors.ElementType);
            engine.AddScaled(1, own, 1, Magnitude.GradientOn(engine));
        }

        return [.. dc.Select((d, i) => -Over(Over(d * m[i], lengths[i]), lengths[i]))];
    }

    // The length of row v has the gradient v / |v|, which W, A and B get through V = W + s B A.
    private void ThroughLengths(INetworkEngine engine, double[] perLength, double[] lengths, CancellationToken ct)
    {
        if (!A.Trainable && !B.Trainable && !Weight.Trainable) return;
        using ITensor directions = Directions(engine, ct);
        engine.ScaleRows([.. perLength.Select((d, i) => Over(d, lengths[i]))], directions);
        AddGradient(engine, B, Options.Scaling, directions, engine.Transpose(A.Value), ct);
        AddGradient(engine, A, Options.Scaling, engine.Transpose(B.Value), directions, ct);
        if (Weight.Trainable) engine.AddScaled(1, directions, 1, Weight.GradientOn(engine));
    }

    /// <summary>V.</summary>
    private ITensor Directions(INetworkEngine engine, CancellationToken ct)
    {
        ITensor sum = engine.Copy(Weight.Value, Weight.Value.ElementType);
        engine.MatMul(Options.Scaling, B.Value, A.Value, 1, sum, ct);
        return sum;
    }

    /// <summary>c V.</summary>
    private protected override ITensor Sum(INetworkEngine engine, CancellationToken ct)
    {
        ITensor sum = Directions(engine, ct);
        engine.ScaleRows(Factors(engine, Lengths(engine, sum)), sum);
        return sum;
    }

    private static double[] Lengths(INetworkEngine engine, ITensor directions) => [.. engine.SquaredRowNorms(directions).Select(Math.Sqrt)];

    private double[] Factors(INetworkEngine engine, double[] lengths) => [.. engine.ToArray(Magnitude.Value).Select((m, i) => Over(m, lengths[i]))];

    // A row of zeros has no direction and stays zero.
    private static double Over(double value, double length) => length > 0 ? value / length : 0;

    private sealed record State(ITensor X, ITensor Inner, ITensor Plain, ITensor Factors, ITensor? Product, double[] Lengths, ulong Seed);
}
