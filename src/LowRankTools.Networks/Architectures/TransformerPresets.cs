using LowRankTools.Numerics;

namespace LowRankTools.Networks.Architectures;

/// <summary>Configurations by name: published models' shapes, and small ones of the same kinds for demos and teaching.</summary>
public static class TransformerPresets
{
    private static readonly (string Name, string Description, Func<TransformerConfig> Make)[] s_presets =
    [
        ("seed", "encoder-decoder of x-transformers, 512 wide, 6 + 6 layers, 256 tokens", () => new EncoderDecoderConfig()),
        ("seed-tiny", "encoder-decoder of x-transformers, 128 wide, 2 + 2 layers, 256 tokens", () => new EncoderDecoderConfig
        {
            Width = 128,
            Encoder = new SideConfig { Depth = 2, Heads = 2, Length = 256 },
            Decoder = new SideConfig { Depth = 2, Heads = 2, Length = 256 },
        }),
        ("bert-tiny", "BERT, 128 wide, 2 layers", () => Bert(128, 2, 2)),
        ("bert-base", "BERT, 768 wide, 12 layers", () => Bert(768, 12, 12)),
        ("gpt2-tiny", "GPT-2, 128 wide, 2 layers, 1024 tokens", () => Gpt2(1024, 128, 2, 2)),
        ("gpt2", "GPT-2, 768 wide, 12 layers", () => Gpt2(50257, 768, 12, 12)),
        ("llama-tiny", "Llama, 256 wide, 4 layers, 4 query heads over 2, 1024 tokens", () => new LlamaConfig
        {
            Vocabulary = 1024, Width = 256, Depth = 4, Heads = 4, KeyValueHeads = 2, HeadWidth = 64, Hidden = 512,
        }),
        ("vit-tiny", "Vision Transformer, 192 wide, 12 layers, patches of 16 in 224 pixels", () => Vit(192, 3)),
        ("vit-base", "Vision Transformer, 768 wide, 12 layers, patches of 16 in 224 pixels", () => Vit(768, 12)),
    ];

    /// <summary>Names and what they stand for.</summary>
    public static IReadOnlyList<(string Name, string Description)> All { get; } = [.. s_presets.Select(p => (p.Name, p.Description))];

    /// <summary>The configuration of a name.</summary>
    /// <exception cref="LowRankToolsException"><c>PresetUnknown</c>.</exception>
    public static TransformerConfig Get(string name)
    {
        foreach ((string known, _, Func<TransformerConfig> make) in s_presets)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
                return make();
        }
        throw new LowRankToolsException(NetworkConfigErrors.PresetUnknown, $"There is no preset '{name}'.",
            $"Presets: {string.Join(", ", s_presets.Select(p => p.Name))}.");
    }

    private static BertConfig Bert(int width, int depth, int heads) => new()
    {
        Vocabulary = 30522, Width = width, Depth = depth, Heads = heads, Hidden = 4 * width,
    };

    private static Gpt2Config Gpt2(int vocabulary, int width, int depth, int heads) => new()
    {
        Vocabulary = vocabulary, Width = width, Depth = depth, Heads = heads, Hidden = 4 * width,
    };

    private static VitConfig Vit(int width, int heads) => new()
    {
        ImageSize = 224, PatchSize = 16, Width = width, Depth = 12, Heads = heads, Hidden = 4 * width, Labels = 1000,
    };
}
