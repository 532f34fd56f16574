using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;

namespace LowRankTools.Core.Architectures;

/// <summary>Rotary positions in a <c>config.json</c>: <c>rope_theta</c> with <c>rope_scaling</c>, or both in <c>rope_parameters</c>.</summary>
internal static class RotaryReader
{
    public static RotaryConfig Read(ConfigFile file)
    {
        ConfigFile? scaling = file.Inner("rope_parameters") ?? file.Inner("rope_scaling");
        RotaryConfig plain = new() { Base = (file.Inner("rope_parameters") ?? file).Number("rope_theta", new RotaryConfig().Base) };
        string type = scaling is null ? "default" : scaling.Text(scaling.Named("rope_type", "type"), "default");
        return type switch
        {
            "default" => plain,
            "linear" => plain with { Factor = scaling!.Number("factor") },
            "llama3" => plain with
            {
                Factor = scaling!.Number("factor"),
                OriginalPositions = scaling.Int("original_max_position_embeddings"),
                LowTurns = scaling.Number("low_freq_factor"),
                HighTurns = scaling.Number("high_freq_factor"),
            },
            _ => throw file.Unsupported($"the rotary scaling '{type}'"),
        };
    }
}
