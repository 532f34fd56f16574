using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Lora;

/// <summary>
/// A table with a frozen weight and a pair: row i is W[i] + s A^T[i] B^T with A of r x entries, which starts at zero, and B of
/// features x r, which starts normal. It is loralib's <c>Embedding</c>. A head that is tied to it keeps using W alone.
/// </summary>
public sealed class LoraEmbedding : EmbeddingLayer, ILoraLayer
{
    private ITensor? _merged;

    /// <summary>Creates a layer with a fresh table.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="entries">Rows of the table.</param>
    /// <param name="features">Features of a row.</param>
    /// <param name="options">Rank and alpha.</param>
    public LoraEmbedding(ParameterFactory factory, int entries, int features, LoraOptions options)
        : this(factory, factory.Normal(1, entries, features), options)
    {
    }

    /// <summary>Creates a layer on a table that is there already; the table is frozen.</summary>
    /// <param name="factory">Makes A and B.</param>
    /// <param name="weight">W, entries x features.</param>
    /// <param name="options">Rank and alpha.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive; LoraOptionsInvalid: dropout, groups and starts from W are for linear layers.</exception>
    public LoraEmbedding(ParameterFactory factory, Parameter weight, LoraOptions options)
    {
        options.CheckPlain("embeddings");
        Options = options;
        Weight = AddParameter("weight", weight);
        A = AddParameter("lora_A", factory.Constant(0, options.Rank, weight.Shape[0]));
        B = AddParameter("lora_B", factory.Normal(1, weight.Shape[1], options.Rank));
        weight.Trainable = false;
    }

    /// <inheritdoc/>
    public LoraOptions Options { get; }

    /// <summary>W, entries x features.</summary>
    public Parameter Weight { get; }

    /// <summary>None.</summary>
    public Parameter? Bias => null;

    /// <summary>A, rank x entries.</summary>
    public Parameter A { get; }

    /// <summary>B, features x rank.</summary>
    public Parameter B { get; }

    /// <inheritdoc/>
    public bool IsMerged => _merged is not null;

    /// <inheritdoc/>
    public override int Entries => Weight.Shape[0];

    /// <inheritdoc/>
    public override int Features => Weight.Shape[1];

    /// <inheritdoc/>
    protected override string Arguments => $"{Entries}, {Features}, {Options.Text}";

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, int[] ids)
    {
        if (pass.IsTraining) LoraModes.RequireUnmerged(this, this);
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        ITensor y = pass.New(Weight.Value, ids.Length, Features);
        engine.Gather(_merged ?? Weight.Value, ids, y, ct);
        if (_merged is not null) return y;

        // Rows are looked up, and A has the entries as its columns.
        using ITensor table = engine.Permute(A.Value, 1, 0);
        ITensor inner = pass.New(y, ids.Length, Options.Rank);
        engine.Gather(table, ids, inner, ct);
        engine.MatMul(Options.Scaling, inner, engine.Transpose(B.Value), 1, y, ct);
        pass.Save(this, new State(ids, inner), inner);
        pass.Release(inner);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor gradient)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (int[] ids, ITensor inner) = pass.Restore<State>(this);
        if (Weight.Trainable) engine.ScatterAdd(gradient, ids, Weight.GradientOn(engine), ct);
        if (B.Trainable)
        {
            ITensor total = B.GradientOn(engine, out double beta);
            engine.MatMul(Options.Scaling, engine.Transpose(gradient), inner, beta, total, ct);
        }

        if (A.Trainable)
        {
            using ITensor dInner = pass.New(inner, ids.Length, Options.Rank), table = engine.Create(inner.ElementType, Entries, Options.Rank);
            engine.MatMul(Options.Scaling, gradient, B.Value, 0, dInner, ct);
            engine.ScatterAdd(dInner, ids, table, ct);
            engine.AddScaled(1, engine.Transpose(table), 1, A.GradientOn(engine));
        }

        gradient.Dispose();
    }

    /// <inheritdoc/>
    public ITensor Delta(INetworkEngine engine, CancellationToken ct = default)
    {
        ITensor delta = engine.Uninitialized(A.Value.ElementType, Entries, Features);
        engine.MatMul(Options.Scaling, engine.Transpose(A.Value), engine.Transpose(B.Value), 0, delta, ct);
        return delta;
    }

    /// <inheritdoc/>
    public void Merge(INetworkEngine engine, CancellationToken ct = default) => _merged ??= Sum(engine, ct);

    /// <inheritdoc/>
    public void Unmerge()
    {
        _merged?.Dispose();
        _merged = null;
    }

    /// <inheritdoc/>
    public Module ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        var weight = new Parameter(Entries, Features);
        if (Weight.IsLoaded) weight.Value = Sum(engine, ct);
        return new Embedding(weight);
    }

    private protected override void FreeOwn() => Unmerge();

    private ITensor Sum(INetworkEngine engine, CancellationToken ct)
    {
        ITensor sum = engine.Copy(Weight.Value, Weight.Value.ElementType);
        engine.MatMul(Options.Scaling, engine.Transpose(A.Value), engine.Transpose(B.Value), 1, sum, ct);
        return sum;
    }

    private sealed record State(int[] Ids, ITensor Inner);
}
