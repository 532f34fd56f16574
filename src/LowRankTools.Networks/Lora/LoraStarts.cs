using LowRankTools.Networks.Surgery;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Networks.Lora;

/// <summary>A and B from the weight itself, which keeps the rest: the layer computes what it did, and training begins with what weighs most.</summary>
internal static class LoraStarts
{
    /// <summary>Sets A, B and the base W of a layer; W + s B A stays what W was, to rounding.</summary>
    public static void Apply(INetworkEngine engine, LoraProjection layer, ulong seed, CancellationToken ct)
    {
        if (layer.Options.Start == LoraStart.Zero || !layer.Weight.IsLoaded) return;
        double root = Math.Sqrt(layer.Options.Scaling);
        if (!(root > 0))
            throw new LowRankToolsException("LoraOptionsInvalid", $"A start from the weight needs a positive factor, not {layer.Options.Scaling}.", "Use a positive alpha.");
        for (int pair = 0; pair < layer.Pairs; pair++)
        {
            ct.ThrowIfCancellationRequested();
            using ITensor rows = engine.Copy(layer.RowsOfWeight(engine, pair), ElementType.Float32);
            ITensor a = layer.PartOfA(engine, layer.A.Value, pair), b = layer.PartOfB(engine, layer.B.Value, pair);
            if (layer.Options.Start == LoraStart.Pissa) Principal(engine, rows, layer.Options.Rank, root, seed + (ulong)pair, a, b, ct);
            else Orthogonal(engine, rows, layer.Options.Rank, a, b, ct);
        }

        layer.AddDelta(engine, -layer.Options.Scaling, layer.Weight.Value, ct);
    }

    private static void Principal(INetworkEngine engine, ITensor weight, int rank, double root, ulong seed, ITensor a, ITensor b, CancellationToken ct)
    {
        (Matrix<float> first, Matrix<float> second, _) = PrincipalFactors.Of(engine, weight, rank, root, seed, ct);
        Write(engine, engine.Adopt(first, first.Rows, first.Columns), a);
        Write(engine, engine.Adopt(second, second.Rows, second.Columns), b);
    }

    private static void Orthogonal(INetworkEngine engine, ITensor weight, int rank, ITensor a, ITensor b, CancellationToken ct)
    {
        if (rank > Math.Min(weight.Shape[0], weight.Shape[1]))
            throw new LowRankToolsException("RankExceedsLayer", $"Rank {rank} is above the smaller side of a ({weight.Shape[0]} x {weight.Shape[1]}) weight.", "Use a smaller rank.");
        (ITensor q, ITensor r) = engine.Qr(weight, ct);
        Write(engine, engine.Columns(q, 0, rank), b);
        Write(engine, engine.Slice(r, 0, rank), a);
        q.Dispose();
        r.Dispose();
    }

    private static void Write(INetworkEngine engine, ITensor from, ITensor to)
    {
        using ITensor converted = engine.Copy(from, to.ElementType);
        engine.AddScaled(1, converted, 0, to);
        from.Dispose();
    }
}
