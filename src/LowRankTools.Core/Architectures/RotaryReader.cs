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
            "longrope" => plain with { Divisors = Divisors(scaling!) },
            _ => throw file.Unsupported($"the rotary scaling '{type}'"),
        };
    }

    // What longer texts change is not run here: neither other divisors nor another temperature of attention.
    private static IReadOnlyList<double> Divisors(ConfigFile scaling)
    {
        IReadOnlyList<double> divisors = scaling.Numbers("short_factor");
        if (!divisors.SequenceEqual(scaling.Numbers("long_factor")) || scaling.Number("attention_factor", scaling.Number("factor", 2) <= 1 ? 1 : 0) != 1)
            throw scaling.Unsupported("the rotary scaling 'longrope' that changes with the length, or with an attention_factor,");
        return divisors;
    }
}
