using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// y = f(x W^T + b + s dropout(x) A^T B^T), the outputs cut into equal groups of which some have a pair of their own: A holds their
/// A's one below the other, B their B's. W is never written to.
/// </summary>
public abstract class LoraProjection : AdaptedLinear, ILoraLayer
{
    private const int Strip = 512;

    private readonly int[] _firstOutputs;
    private readonly int _width;

    private protected LoraProjection(ParameterFactory factory, Parameter weight, Parameter? bias, LoraOptions options)
        : base(weight, bias, Checked(options))
    {
        IReadOnlyList<bool> groups = options.EnabledGroups ?? [true];
        if (OutFeatures % groups.Count != 0)
            throw new LowRankToolsException("ShapesDoNotMatch", $"{OutFeatures} outputs do not fall into {groups.Count} equal groups.");
        _width = OutFeatures / groups.Count;
        _firstOutputs = [.. Enumerable.Range(0, groups.Count).Where(g => groups[g]).Select(g => g * _width)];
        A = AddParameter("lora_A", factory.Uniform(Linear.Bound(InFeatures), options.Rank * _firstOutputs.Length, InFeatures));
        B = AddParameter("lora_B", factory.Constant(0, _width * _firstOutputs.Length, options.Rank));
        weight.Trainable = false;
    }

    /// <summary>A, (pairs rank) x in.</summary>
    public Parameter A { get; }

    /// <summary>B, (outputs of all groups with a pair) x rank.</summary>
    public Parameter B { get; }

    /// <summary>Number of pairs.</summary>
    internal int Pairs => _firstOutputs.Length;

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        if (pass.IsTraining) LoraModes.RequireUnmerged(this, this);
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        ITensor product = pass.New(x, x.Shape[0], OutFeatures);
        engine.MatMul(1, x, InByOut(engine, Merged ?? Weight.Value), 0, product, ct);
        ITensor? inner = null;
        ulong seed = 0;
        if (Merged is null)
        {
            if (pass.IsTraining && Options.Dropout > 0) seed = pass.NextSeed();
            ITensor dropped = Dropped(pass, x, seed);
            inner = pass.New(x, x.Shape[0], A.Shape[0]);
            engine.MatMul(1, dropped, engine.Transpose(A.Value), 0, inner, ct);
            if (!ReferenceEquals(dropped, x)) dropped.Dispose();
            for (int pair = 0; pair < Pairs; pair++)
                AddThin(engine, Options.Scaling, Inner(engine, inner, pair), engine.Transpose(PartOfB(engine, B.Value, pair)), Outputs(engine, product, pair), ct);
        }

        bool kept = pass.IsTraining && activation != Activation.None;
        ITensor y = kept ? pass.New(x, x.Shape[0], OutFeatures) : product;
        if (Bias is not null || activation != Activation.None) engine.Activate(activation, product, Bias?.Value, y, ct);
        if (inner is not null)
        {
            pass.Save(this, new State(x, inner, kept ? product : null, seed), x, inner, kept ? product : null);
            pass.Release(inner);
        }

        if (kept) pass.Release(product);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor inner, ITensor? product, ulong seed) = pass.Restore<State>(this);
        if (product is not null) engine.ActivateBackward(activation, product, Bias?.Value, gradient, gradient, ct);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        if (Weight.Trainable)
        {
            ITensor total = Weight.GradientOn(engine, out double beta);
            if (Options.FanInFanOut) engine.MatMul(1, engine.Transpose(x), gradient, beta, total, ct);
            else engine.MatMul(1, engine.Transpose(gradient), x, beta, total, ct);
        }

        ITensor dx = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, gradient, engine.Transpose(InByOut(engine, Weight.Value)), 0, dx, ct);
        using ITensor dInner = pass.New(x, [.. inner.Shape]);
        double old = 0;
        ITensor? dB = B.Trainable ? B.GradientOn(engine, out old) : null;
        for (int pair = 0; pair < Pairs; pair++)
        {
            ITensor dy = Outputs(engine, gradient, pair);
            if (dB is not null) engine.MatMul(Options.Scaling, engine.Transpose(dy), Inner(engine, inner, pair), old, PartOfB(engine, dB, pair), ct);
            engine.MatMul(Options.Scaling, dy, PartOfB(engine, B.Value, pair), 0, Inner(engine, dInner, pair), ct);
        }

        gradient.Dispose();
        AddThroughA(pass, x, dInner, seed, dx);
        return dx;
    }

    /// <inheritdoc/>
    public ITensor Delta(INetworkEngine engine, CancellationToken ct = default)
    {
        ITensor delta = engine.Create(A.Value.ElementType, [.. Weight.Shape]);
        AddDelta(engine, Options.Scaling, delta, ct);
        return delta;
    }

    /// <summary>sum += factor B A, in W's shape.</summary>
    internal void AddDelta(INetworkEngine engine, double factor, ITensor sum, CancellationToken ct)
    {
        for (int pair = 0; pair < Pairs; pair++)
        {
            ITensor a = PartOfA(engine, A.Value, pair), b = PartOfB(engine, B.Value, pair);
            if (Options.FanInFanOut) engine.MatMul(factor, engine.Transpose(a), engine.Transpose(b), 1, Outputs(engine, sum, pair), ct);
            else engine.MatMul(factor, b, a, 1, Outputs(engine, sum, pair), ct);
        }

        ITensor Outputs(INetworkEngine engine, ITensor w, int pair) =>
            Options.FanInFanOut ? engine.Columns(w, _firstOutputs[pair], _width) : engine.Slice(w, _firstOutputs[pair], _width);
    }

    /// <summary>The outputs of a pair as rows of W (outputs x in), sharing memory.</summary>
    internal ITensor RowsOfWeight(INetworkEngine engine, int pair) => engine.Slice(engine.Transpose(InByOut(engine, Weight.Value)), _firstOutputs[pair], _width);

    /// <summary>The A of a pair, rank x in, sharing memory.</summary>
    internal ITensor PartOfA(INetworkEngine engine, ITensor a, int pair) => engine.Slice(a, pair * Options.Rank, Options.Rank);

    /// <summary>The B of a pair, outputs x rank, sharing memory.</summary>
    internal ITensor PartOfB(INetworkEngine engine, ITensor b, int pair) => engine.Slice(b, pair * _width, _width);

    private static LoraOptions Checked(LoraOptions options)
    {
        options.Check();
        return !options.Dora ? options : throw new LowRankToolsException("LoraOptionsInvalid", "DoRA has a layer of its own, without groups.", "Use DoraLinear, or leave the groups out.");
    }

    // dA += dInner^T dropout(x) and dx += dropout's way back of dInner A. What fell is drawn again from its seed: that costs a pass
    // over x, and saves keeping a copy of it from the way forward.
    private void AddThroughA(Pass pass, ITensor x, ITensor dInner, ulong seed, ITensor dx)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        if (A.Trainable)
        {
            ITensor dropped = Dropped(pass, x, seed), total = A.GradientOn(engine, out double beta);
            engine.MatMul(1, engine.Transpose(dInner), dropped, beta, total, ct);
            if (!ReferenceEquals(dropped, x)) dropped.Dispose();
        }

        if (Options.Dropout == 0)
        {
            AddThin(engine, 1, dInner, A.Value, dx, ct);
            return;
        }

        using ITensor back = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, dInner, A.Value, 0, back, ct);
        engine.Dropout(back, Options.Dropout, seed, back, ct);
        engine.AddScaled(1, back, 1, dx);
    }

    // y += factor x W for W of rank rows. In strips of columns: a product as thin as this one waits for memory, and strips of C and W
    // stay in the first caches (2048 outputs of 256 tokens: 0.19 ms and not 0.7).
    private static void AddThin(INetworkEngine engine, double factor, ITensor x, ITensor w, ITensor y, CancellationToken ct)
    {
        for (int first = 0; first < y.Shape[1]; first += Strip)
        {
            int count = Math.Min(Strip, y.Shape[1] - first);
            ITensor part = engine.Transpose(engine.Slice(engine.Transpose(w), first, count));
            engine.MatMul(factor, x, part, 1, engine.Columns(y, first, count), ct);
        }
    }

    private protected override ITensor Sum(INetworkEngine engine, CancellationToken ct)
    {
        ITensor sum = engine.Copy(Weight.Value, Weight.Value.ElementType);
        AddDelta(engine, Options.Scaling, sum, ct);
        return sum;
    }

    private ITensor InByOut(INetworkEngine engine, ITensor weight) => Options.FanInFanOut ? weight : engine.Transpose(weight);

    private ITensor Inner(INetworkEngine engine, ITensor inner, int pair) => engine.Columns(inner, pair * Options.Rank, Options.Rank);

    private ITensor Outputs(INetworkEngine engine, ITensor y, int pair) => engine.Columns(y, _firstOutputs[pair], _width);

    private protected static Parameter FreshWeight(ParameterFactory factory, int inFeatures, int outFeatures, LoraOptions options) =>
        options.FanInFanOut ? factory.Uniform(Linear.Bound(inFeatures), inFeatures, outFeatures) : factory.Uniform(Linear.Bound(inFeatures), outFeatures, inFeatures);

    private sealed record State(ITensor X, ITensor Inner, ITensor? Product, ulong Seed);
}
