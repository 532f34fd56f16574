using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Pivoted;

/// <summary>The factors of a weight under the names that files give them behind it: <c>pivots</c> (out), a buffer, <c>rows</c> (r, in) and <c>others</c> (out - r, r).</summary>
internal sealed class PivotedFactors : nn.Module
{
    public PivotedFactors(Tensor pivots, Parameter rows, Parameter others)
        : base(nameof(PivotedFactors))
    {
        register_buffer("pivots", pivots);
        register_parameter("rows", rows);
        register_parameter("others", others);
    }

    /// <summary>1 for a kept row, 0 for others; as registered, as are the others: moving a module to another device or type makes new ones.</summary>
    public Tensor Pivots => get_buffer("pivots")!;

    /// <summary>A.</summary>
    public Parameter Rows => get_parameter("rows")!;

    /// <summary>C.</summary>
    public Parameter Others => get_parameter("others")!;

    /// <summary>For each row its place in A and C A below each other.</summary>
    public Tensor Places()
    {
        Tensor kept = Pivots.to(ScalarType.Int64);
        // A file may hold anything, and an index beyond the end is fatal on some devices.
        return where(kept.eq(1), kept.cumsum(0), (1 - kept).cumsum(0).add(Rows.shape[0])).sub(1).clamp(0, Pivots.shape[0] - 1);
    }
}
