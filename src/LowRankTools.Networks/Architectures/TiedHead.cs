using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.TensorTrain;
using LowRankTools.Networks.Lora;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// A head that scores each token by its own embedding: y = x E^T + b. It has no weight of its own, follows the embedding
/// when that becomes a pair or a TT-table, and may add a bias.
/// </summary>
public sealed class TiedHead : LinearLayer
{
    private readonly Slot<EmbeddingLayer> _embedding;
    private TensorTrainLinear? _train;

    /// <summary>Creates a head.</summary>
    /// <param name="embedding">The place of the embedding.</param>
    /// <param name="bias">One entry a token, or null.</param>
    public TiedHead(Slot<EmbeddingLayer> embedding, Parameter? bias = null) => (_embedding, Bias) = (embedding, bias);

    /// <summary>b; a parameter of another module, or null.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    public override int InFeatures => _embedding.Module.Features;

    /// <inheritdoc/>
    public override int OutFeatures => _embedding.Module.Entries;

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

    /// <inheritdoc/>
    public override string TypeName => nameof(Linear);

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={InFeatures}, out_features={OutFeatures}, bias={HasBias}, tied";

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        if (Train is { } train)
            return train.Forward(pass, x, activation);
        INetworkEngine engine = pass.Engine;
        (Parameter table, Parameter? features) = Tables();
        ITensor inner = x;
        if (features is not null)
        {
            inner = pass.New(x, x.Shape[0], features.Shape[1]);
            engine.MatMul(1, x, features.Value, 0, inner, pass.CancellationToken);
        }
        ITensor y = pass.New(x, x.Shape[0], OutFeatures);
        engine.MatMul(1, inner, engine.Transpose(table.Value), 0, y, pass.CancellationToken);
        pass.Save(this, new State(x, inner), x, inner);
        if (!ReferenceEquals(inner, x))
            pass.Release(inner);
        if (Bias is not null || activation != Activation.None)
            engine.Activate(activation, y, Bias?.Value, y, pass.CancellationToken);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        if (activation != Activation.None)
            throw new NotSupportedException("A head has no activation to go back through.");
        if (Train is { } train)
            return train.Backward(pass, gradient, activation);
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (ITensor x, ITensor inner) = pass.Restore<State>(this);
        (Parameter table, Parameter? features) = Tables();
        if (Bias is { Trainable: true })
            engine.AddColumnSums(gradient, Bias.GradientOn(engine), ct);
        if (table.Trainable)
            engine.MatMul(1, engine.Transpose(gradient), inner, 1, table.GradientOn(engine), ct);
        ITensor dInner = pass.New(x, [.. inner.Shape]);
        engine.MatMul(1, gradient, table.Value, 0, dInner, ct);
        gradient.Dispose();
        if (features is null)
            return dInner;
        if (features.Trainable)
            engine.MatMul(1, engine.Transpose(x), dInner, 1, features.GradientOn(engine), ct);
        ITensor dx = pass.New(x, [.. x.Shape]);
        engine.MatMul(1, dInner, engine.Transpose(features.Value), 0, dx, ct);
        dInner.Dispose();
        return dx;
    }

    /// <summary>The layer of a TT-table's own cores, whose rows are the outputs; null for other tables.</summary>
    private TensorTrainLinear? Train => _embedding.Module is not TensorTrainEmbedding table ? null
        : _train is { } known && ReferenceEquals(known.Cores[0], table.Cores[0]) ? known : _train = new TensorTrainLinear(table.Cores, Bias);

    /// <summary>E; or A and B of E = A B^T.</summary>
    private (Parameter Table, Parameter? Features) Tables() => _embedding.Module switch
    {
        Embedding dense => (dense.Weight, null),
        LoraEmbedding adapted => (adapted.Weight, null),
        LowRankEmbedding pair => (((Embedding)pair.Children[0].Child).Weight, ((Linear)pair.Children[1].Child).Weight),
        _ => throw new NotSupportedException($"A head cannot be tied to a {_embedding.Module.GetType().Name}."),
    };

    private sealed record State(ITensor X, ITensor Inner);
}
