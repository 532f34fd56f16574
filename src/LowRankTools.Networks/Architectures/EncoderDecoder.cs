using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// The encoder-decoder of the package x-transformers (<c>XTransformer</c>). The encoder's normalised states are what the
/// decoder's cross attention looks at; the encoder's own head is there, and only counted.
/// </summary>
public sealed class EncoderDecoder : Transformer
{
    private readonly EncoderDecoderConfig _config;
    private readonly Slot<EncoderDecoderSide> _encoder, _decoder;

    /// <summary>Builds the network.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="config">Its shape.</param>
    public EncoderDecoder(ParameterFactory factory, EncoderDecoderConfig config)
        : base(config)
    {
        _config = config;
        EncoderDecoderSide encoder = new(factory, config, config.Encoder, decoder: false, tied: null);
        _encoder = AddChild("encoder", encoder);
        EncoderDecoderSide decoder = new(factory, config, config.Decoder, decoder: true, config.TiedEmbedding ? encoder.TokenEmbedding.Module : null);
        Container wrapper = new("AutoregressiveWrapper");
        _decoder = wrapper.Add("net", decoder);
        AddChild("decoder", wrapper);
    }

    /// <inheritdoc/>
    public override string TypeName => "XTransformer";

    /// <inheritdoc/>
    public override NetworkOutput Forward(Pass pass, NetworkBatch batch)
    {
        PairBatch pair = Read<PairBatch>(batch);
        pair.Source.Check(_config.Encoder.Tokens, _config.Encoder.Length);
        pair.Target.Check(_config.Decoder.Tokens, _config.Decoder.Length);
        ITensor memory = _encoder.Module.Forward(pass, pair.Source);
        ITensor hidden = _decoder.Module.Forward(pass, pair.Target, memory, pair.Source.AttentionInput());
        pass.Release(memory);
        return new NetworkOutput { Hidden = hidden, Logits = _decoder.Module.Head.Forward(pass, hidden) };
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor? result, ITensor? hidden)
    {
        ITensor gradient = Sum(pass, result is null ? null : _decoder.Module.Head.Backward(pass, result), hidden);
        ITensor dMemory = _decoder.Module.Backward(pass, gradient)!;
        _encoder.Module.Backward(pass, dMemory);
    }
}
