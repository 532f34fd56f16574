using LowRankTools.Core.Layers;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Architectures;

/// <summary>
/// An encoder-decoder of x-transformers known by its weights alone: <c>torch.save(model.state_dict())</c> writes no
/// configuration, and its shapes say everything but the width of a head, which is 64 unless told otherwise.
/// </summary>
internal static class EncoderDecoderWeights
{
    /// <summary>The configuration that the weights speak of; null where they are of something else.</summary>
    public static EncoderDecoderConfig? Recognize(WeightNames weights)
    {
        EncoderDecoderConfig defaults = new();
        int width = weights.Length("encoder.norm.weight");
        if (width == 0 || Side("encoder", 2) is not { } encoder || Side("decoder.net", 3) is not { } decoder)
            return null;
        return new EncoderDecoderConfig
        {
            Width = width,
            HiddenFactor = weights.Outputs("encoder.attn_layers.layers.1.1.net.0.0") / width,
            Encoder = encoder,
            Decoder = decoder,
            TiedEmbedding = !weights.Holds("decoder.net.token_emb") || IsTied(weights),
        };

        SideConfig? Side(string name, int sublayers)
        {
            int layers = 0, inner = weights.Outputs($"{name}.attn_layers.layers.0.1.to_q");
            while (layers <= TransformerConfig.MaxDepth && weights.Length($"{name}.attn_layers.layers.{layers}.0.weight") > 0)
                layers++;
            return inner == 0 ? null : new SideConfig
            {
                Tokens = weights.Length($"{name}.to_logits.bias"),
                Depth = layers / sublayers,
                Heads = inner / defaults.HeadWidth,
                Length = weights.Rows($"{name}.pos_emb.emb"),
            };
        }
    }

    private static bool IsTied(WeightNames weights) =>
        weights.All.TryGetValue("decoder.net.token_emb.weight", out ModelLayer? layer) && layer.Shape.TiedTo is not null;
}
