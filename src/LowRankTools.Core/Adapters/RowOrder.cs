using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters;

/// <summary>
/// The order of a weight's rows in llama.cpp against PyTorch's: as they are, or, for h heads of d rows each, row c d/2 + j of
/// a head (c = 0, 1: the halves that rotary embedding turns together) at 2 j + c.
/// </summary>
/// <param name="Heads">h; zero where rows stay.</param>
internal readonly record struct RowOrder(int Heads)
{
    /// <summary>Rows stay where they are.</summary>
    public static RowOrder Same => default;

    /// <summary>Puts rows from PyTorch's order into llama.cpp's.</summary>
    public void Apply(Matrix<float> rows) => Move(rows, forward: true);

    /// <summary>Puts rows from llama.cpp's order into PyTorch's.</summary>
    public void Undo(Matrix<float> rows) => Move(rows, forward: false);

    private void Move(Matrix<float> rows, bool forward)
    {
        if (Heads == 0)
            return;
        using Matrix<float> before = rows.Copy();
        int size = rows.Rows / Heads, half = size / 2;
        for (int i = 0; i < rows.Rows; i++)
        {
            int head = i / size * size, within = i % size;
            int other = head + 2 * (within % half) + within / half;
            (int from, int to) = forward ? (i, other) : (other, i);
            before.Row(from).CopyTo(rows.Row(to));
        }
    }
}
