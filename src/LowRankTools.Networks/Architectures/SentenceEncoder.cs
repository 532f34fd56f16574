using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// Universal Sentence Encoder lite. Tokens enter twice, as they are and with their position's signal; after the layers
/// the mean over a sentence's tokens passes one tanh layer and is brought to length one.
/// </summary>
public sealed class SentenceEncoder : Transformer
{
    private readonly SentenceEncoderConfig _config;
    private readonly Slot<EmbeddingLayer> _embedding;
    private readonly ModuleList<WideningBlock> _layers;
    private readonly Slot<LinearLayer> _output;

    /// <summary>Builds the network.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="config">Its shape.</param>
    public SentenceEncoder(ParameterFactory factory, SentenceEncoderConfig config)
        : base(config)
    {
        _config = config;
        _embedding = AddChild<EmbeddingLayer>("embedding", new Embedding(factory, config.Vocabulary, config.EmbeddingWidth));
        _layers = AddChild("layers", new ModuleList<WideningBlock>(Enumerable.Range(0, config.Depth)
            .Select(i => new WideningBlock(factory, config, i == 0 ? config.EmbeddingWidth : config.Width)))).Module;
        _output = AddChild<LinearLayer>("output", new Linear(factory, config.Width, config.Width));
    }

    /// <inheritdoc/>
    public override NetworkOutput Forward(Pass pass, NetworkBatch batch)
    {
        TokenBatch tokens = Read<TokenBatch>(batch);
        tokens.Check(_config.Vocabulary, _config.Positions);
        AttentionInput input = tokens.AttentionInput();
        ITensor x = _embedding.Module.Forward(pass, tokens.Ids);
        using (ITensor signal = Signal(pass, tokens, x.ElementType))
            pass.Engine.AddScaled(1, signal, 2, x);
        foreach (WideningBlock layer in _layers)
            x = layer.Forward(pass, x, input);
        ITensor mean = Mean(pass, x, tokens);
        ITensor raw = _output.Module.Forward(pass, mean, Activation.Tanh);
        pass.Release(mean);
        ITensor unit = pass.New(raw, [.. raw.Shape]);
        pass.Engine.Normalize(Normalization.RootMeanSquare, raw, null, null, UnitEpsilon, unit, pass.CancellationToken);
        pass.Engine.AddScaled(0, unit, 1 / Math.Sqrt(_config.Width), unit);
        pass.Save(this, new State(tokens, raw), raw);
        pass.Release(raw);
        return new NetworkOutput { Hidden = x, Pooled = unit };
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor? result, ITensor? hidden)
    {
        State state = pass.Restore<State>(this);
        ITensor dx = Sum(pass, result is null ? null : PooledBackward(pass, result, state), hidden);
        for (int i = _layers.Count - 1; i >= 0; i--)
            dx = _layers[i].Backward(pass, dx);
        pass.Engine.AddScaled(0, dx, 2, dx);
        _embedding.Module.Backward(pass, dx);
    }

    private ITensor PooledBackward(Pass pass, ITensor gradient, State state)
    {
        INetworkEngine engine = pass.Engine;
        (TokenBatch tokens, ITensor raw) = state;
        engine.AddScaled(0, gradient, 1 / Math.Sqrt(_config.Width), gradient);
        engine.NormalizeBackward(Normalization.RootMeanSquare, raw, null, UnitEpsilon, gradient, gradient, null, null, pass.CancellationToken);
        ITensor dMean = _output.Module.Backward(pass, gradient, Activation.Tanh);
        ITensor dx = pass.New(dMean, tokens.Ids.Length, _config.Width);
        using (ITensor weights = SentencePooling.MeanWeights(pass, tokens, dMean.ElementType))
            engine.MatMul(1, engine.Transpose(weights), dMean, 0, dx, pass.CancellationToken);
        dMean.Dispose();
        return dx;
    }

    // The published graph keeps the squared length above 1e-12; here that is a mean of squares.
    private double UnitEpsilon => 1e-12 / _config.Width;

    /// <summary>Sines, then cosines, of positions times frequencies that fall from 1 to 1/10000 (Vaswani et al., 2017, as in Tensor2Tensor).</summary>
    private ITensor Signal(Pass pass, TokenBatch tokens, ElementType type)
    {
        int width = _config.EmbeddingWidth, half = width / 2, one = tokens.Length * width;
        double[] frequencies = [.. Enumerable.Range(0, half).Select(k => Math.Pow(10_000, -(double)k / (half - 1)))];
        double[] signal = new double[tokens.Ids.Length * width];
        for (int i = 0; i < tokens.Length; i++)
        {
            for (int k = 0; k < half; k++)
                (signal[i * width + half + k], signal[i * width + k]) = (Math.Cos(i * frequencies[k]), Math.Sin(i * frequencies[k]));
        }

        // All sequences have the same positions, and sines cost more than copying.
        for (int s = 1; s < tokens.Sequences; s++)
            signal.AsSpan(0, one).CopyTo(signal.AsSpan(s * one));
        return SentencePooling.Typed(pass, signal, type, tokens.Ids.Length, width);
    }

    private static ITensor Mean(Pass pass, ITensor x, TokenBatch tokens)
    {
        ITensor mean = pass.New(x, tokens.Sequences, x.Shape[1]);
        using ITensor weights = SentencePooling.MeanWeights(pass, tokens, x.ElementType);
        pass.Engine.MatMul(1, weights, x, 0, mean, pass.CancellationToken);
        return mean;
    }

    private sealed record State(TokenBatch Tokens, ITensor Raw);
}
