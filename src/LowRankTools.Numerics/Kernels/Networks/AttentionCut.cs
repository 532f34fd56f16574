using System.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Kernels.Networks;

/// <summary>Sizes of one attention, its views of single heads, and which keys a query sees.</summary>
internal readonly struct AttentionCut
{
    /// <summary>Keys of a block: as many as a panel of the products is deep, at most.</summary>
    public const int KeyBlock = 256;

    /// <summary>Queries of a task, a multiple of every tile's rows.</summary>
    public const int QueryBlock = 48;

    private readonly AttentionShape _shape;

    public AttentionCut(AttentionShape shape, int queryRows, int keyRows, int queryColumns, int valueColumns)
    {
        _shape = shape;
        Queries = queryRows / shape.Batch;
        Keys = keyRows / shape.Batch;
        Width = queryColumns / shape.Heads;
        ValueWidth = valueColumns / shape.KeyHeads;
    }

    /// <summary>Queries of one sequence.</summary>
    public int Queries { get; }

    /// <summary>Keys of one sequence.</summary>
    public int Keys { get; }

    /// <summary>Width of a head of queries and keys.</summary>
    public int Width { get; }

    /// <summary>Width of a head of values.</summary>
    public int ValueWidth { get; }

    /// <summary>Keys that query <paramref name="query"/> of a sequence may see: 0 to this - 1.</summary>
    public int Reach(int query) => _shape.Causal ? Math.Clamp(query + 1 + Keys - Queries, 0, Keys) : Keys;

    /// <summary>Some rows of one head of one sequence.</summary>
    public static MatrixView<T> Head<T>(MatrixView<T> x, int batch, int perBatch, int first, int rows, int head, int width)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => x.Slice((batch * perBatch) + first, head * width, rows, width);
}
