using LowRankTools.Core.Resizing;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Resizing;

/// <summary>Narrower values, by what the truncated SVD of values and outputs promises.</summary>
public sealed class ValueHeadsTests
{
    private const int Heads = 4, KeyHeads = 2, Size = 6, Kept = 3, Outputs = 9;

    private static readonly HeadShape s_shape = new(Heads, KeyHeads, Size, Size, new RotaryConfig(), Neighbours: false);

    [Fact]
    public void What_is_lost_is_the_energy_of_the_singular_values_that_are_left_out()
    {
        double[,] o = Random(1, Outputs, Heads * Size);
        double[][,] values = [.. Enumerable.Range(0, KeyHeads).Select(h => Inputs(10 + h, Size, 30))];
        (double[,] projection, double[,] readers) = Fit(o, values);
        double lost = 0, expected = 0;
        for (int shared = 0; shared < KeyHeads; shared++)
        {
            // The outputs of all heads that share these values, one under the other.
            double[,] whole = new double[2 * Outputs, 30];
            for (int i = 0; i < 2; i++)
            {
                int head = shared * 2 + i;
                double[,] full = Multiply(Block(o, 0, head * Size, Outputs, Size), values[shared]);
                double[,] narrow = Multiply(Multiply(Block(readers, 0, head * Kept, Outputs, Kept), Block(projection, shared * Kept, 0, Kept, Size)), values[shared]);
                lost += SquaredNorm(Add(full, narrow, -1));
                for (int r = 0; r < Outputs; r++)
                {
                    for (int t = 0; t < 30; t++)
                        whole[i * Outputs + r, t] = full[r, t];
                }
            }
            using Matrix<double> turned = Host(Transpose(whole));
            using ITensor loaded = Engine.Load(turned.View), gram = Engine.Gram(loaded);
            (double[] squares, ITensor vectors) = Engine.SymmetricEigen(gram);
            vectors.Dispose();
            expected += squares.Skip(Kept).Sum(s => Math.Max(s, 0));
        }
        Assert.Equal(1, lost / expected, 1e-6);
        Assert.True(expected > 1e-6 * SquaredNorm(o), "nothing is left out: the theorem shows nothing");
    }

    [Fact]
    public void Values_whose_products_with_the_outputs_have_no_more_ranks_than_stay_lose_nothing()
    {
        double[,] o = new double[Outputs, Heads * Size];
        for (int shared = 0; shared < KeyHeads; shared++)
        {
            // All heads of a group read the same three directions of its values.
            double[,] directions = Random(20 + shared, Kept, Size);
            for (int i = 0; i < 2; i++)
                Put(Multiply(Random(30 + shared * 2 + i, Outputs, Kept), directions), o, (shared * 2 + i) * Size);
        }
        double[][,] values = [.. Enumerable.Range(0, KeyHeads).Select(h => Random(40 + h, Size, 30))];
        (double[,] projection, double[,] readers) = Fit(o, values);
        for (int head = 0; head < Heads; head++)
        {
            double[,] narrow = Multiply(Block(readers, 0, head * Kept, Outputs, Kept), Block(projection, head / 2 * Kept, 0, Kept, Size)), full = Block(o, 0, head * Size, Outputs, Size);
            Assert.InRange(Math.Sqrt(SquaredNorm(Add(full, narrow, -1)) / SquaredNorm(full)), 0, 1e-6);
        }
    }

    [Fact]
    public void The_spread_projection_gives_every_head_of_queries_the_one_of_its_values()
    {
        using Matrix<double> projections = Host(Random(5, KeyHeads * Kept, Size)), spread = new ValueHeads(Engine, s_shape, Kept, default).Spread(projections);
        for (int i = 0; i < Heads * Kept; i++)
        {
            for (int j = 0; j < Heads * Size; j++)
                Assert.Equal(i / Kept == j / Size ? projections[i / Kept / 2 * Kept + i % Kept, j % Size] : 0, spread[i, j]);
        }
    }

    private static (double[,] Projections, double[,] Readers) Fit(double[,] o, double[][,] values)
    {
        ValueHeads heads = new(Engine, s_shape, Kept, default);
        Matrix<double>[] grams = [.. values.Select(v => Host(Multiply(v, Transpose(v))))];
        using Matrix<double> outputs = Host(o);
        using ITensor turned = LeastSquares.Turned(Engine, outputs, null, default);
        using Matrix<double> projections = heads.Projections(grams, turned), readers = heads.Readers(grams, projections, outputs);
        return (Of(projections), Of(readers));
    }

    private static double[,] Block(double[,] matrix, int row, int column, int rows, int columns)
    {
        double[,] block = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
                block[i, j] = matrix[row + i, column + j];
        }
        return block;
    }

    private static void Put(double[,] block, double[,] into, int column)
    {
        for (int i = 0; i < block.GetLength(0); i++)
        {
            for (int j = 0; j < block.GetLength(1); j++)
                into[i, column + j] = block[i, j];
        }
    }
}
