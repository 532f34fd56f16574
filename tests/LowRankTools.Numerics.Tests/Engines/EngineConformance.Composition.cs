using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using static LowRankTools.Numerics.Tests.HostMatrices;

namespace LowRankTools.Numerics.Tests;

/// <content>What the contract says by other primitives, and an engine may have ways of its own for.</content>
public abstract partial class EngineConformance
{
    [Fact]
    public void Slices_of_any_dimension_put_together_again_are_the_tensor()
    {
        using ITensor x = Engine.Random(8, 3, 5, 4), wide = Engine.Copy(x, ElementType.Float64);
        double[] entries = Engine.ToArray(x);
        foreach (ITensor whole in new[] { x, wide })
        {
            for (int dimension = 0; dimension < 3; dimension++)
            {
                int size = x.Shape[dimension];
                using ITensor head = Engine.SliceAlong(whole, dimension, 0, 1), tail = Engine.SliceAlong(whole, dimension, 1, size - 1);
                Assert.Equal([.. x.Shape.Select((n, i) => i == dimension ? size - 1 : n)], tail.Shape);
                Assert.Equal(entries.Where((_, at) => Place(at)[dimension] > 0), Engine.ToArray(tail));
                using ITensor again = Engine.Concatenate(dimension, head, tail), alone = Engine.Concatenate(dimension, whole);
                Assert.Equal(whole.ElementType, again.ElementType);
                Assert.Equal(entries, Engine.ToArray(again));
                Assert.Equal(entries, Engine.ToArray(alone));
            }
        }

        // Copies: what is done to one is not done to the other.
        using ITensor first = Engine.SliceAlong(x, 0, 0, 3);
        Engine.AddScaled(1, x, 1, first);
        Assert.Equal(entries, Engine.ToArray(x));

        static int[] Place(int at) => [at / 20, at / 4 % 5, at % 4];
    }

    [Fact]
    public void A_contraction_sums_over_its_pairs_and_keeps_the_other_dimensions_in_order()
    {
        using ITensor a = Engine.Random(9, 2, 3, 4), b = Engine.Random(10, 4, 5, 2), both = Engine.Contract(a, [0, 2], b, [2, 0]), one = Engine.Contract(a, [2], b, [0]);
        double[] x = Engine.ToArray(a), y = Engine.ToArray(b), sums = Engine.ToArray(both), products = Engine.ToArray(one);
        Assert.Equal([3, 5], both.Shape);
        Assert.Equal([2, 3, 5, 2], one.Shape);
        for (int j = 0; j < 3; j++)
        {
            for (int m = 0; m < 5; m++)
            {
                double expected = Enumerable.Range(0, 8).Sum(ik => x[(ik / 4 * 12) + (j * 4) + (ik % 4)] * y[(ik % 4 * 10) + (m * 2) + (ik / 4)]);
                Assert.Equal(expected, sums[(j * 5) + m], Units * 8 * Residual.SingleEpsilon);
                double single = Enumerable.Range(0, 4).Sum(k => x[12 + (j * 4) + k] * y[(k * 10) + (m * 2) + 1]);
                Assert.Equal(single, products[((3 + j) * 10) + (m * 2) + 1], Units * 4 * Residual.SingleEpsilon);
            }
        }

        // Without pairs it is the outer product, with all of them the inner one.
        using ITensor outer = Engine.Contract(a, [], b, []), inner = Engine.Contract(a, [0, 1, 2], a, [0, 1, 2]);
        Assert.Equal([2, 3, 4, 4, 5, 2], outer.Shape);
        Assert.Equal((float)x[23] * (float)y[39], (float)Engine.ToArray(outer)[^1]);
        Assert.Empty(inner.Shape);
        Assert.Equal(Engine.SumOfSquares(a), Engine.ToArray(inner)[0], Units * 24 * Residual.SingleEpsilon);
    }

    [Theory]
    [InlineData(1, 7, 3)]
    [InlineData(23, 40, 5)]
    [InlineData(64, 33, 16)]
    [InlineData(3, 600, 8)]
    public void Signed_sums_add_each_row_to_one_sum(int m, int n, int count)
    {
        float[] signs = [.. Enumerable.Range(0, m).Select(i => i % 3 == 0 ? -1f : 1f)];
        using ITensor a = Engine.Random(11, m, n), turned = Engine.Copy(Engine.Transpose(a), ElementType.Float32);
        double[,] x = Host(a), expected = new double[n, count];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++) expected[j, i % count] += signs[i] * x[i, j];
        }

        using Matrix<float> host = Engine.ToMatrix(a), scattered = new(2 * m, 2 * n);
        MatrixView<float> strided = EveryOther(scattered);
        host.View.CopyTo(strided);
        foreach (ITensor view in new[] { a, Engine.Transpose(turned), Engine.Load(strided) })
        {
            using ITensor sums = Engine.SignedSums(view, signs, count);
            Assert.Equal([n, count], sums.Shape);
            AssertSame(expected, Host(sums), m);
        }
    }

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float64)]
    public void Eigenvectors_in_place_are_those_of_the_matrix_and_a_view_is_left_alone(ElementType type)
    {
        using ITensor x = Engine.Random(12, 40, 60), gram = Engine.Gram(x), kept = Engine.Copy(gram, type);
        double[] before = Engine.ToArray(kept);
        (double[] values, ITensor vectors) = Engine.SymmetricEigen(kept);
        (double[] ofView, ITensor viewed) = Engine.SymmetricEigenInPlace(Engine.Transpose(kept), all => 3);
        Assert.Equal(before, Engine.ToArray(kept));
        (double[] again, ITensor same) = Engine.SymmetricEigenInPlace(kept);
        using (vectors)
        using (viewed)
        using (same)
        {
            Assert.All(values.Zip(ofView), pair => Assert.Equal(pair.First, pair.Second, Units * 40 * Residual.SingleEpsilon * values[0]));
            Assert.Equal([3, 40], viewed.Shape);
            Assert.Equal(values, again);
            Assert.Equal(Engine.ToArray(vectors), Engine.ToArray(same));
        }
    }

    [Fact]
    public void What_cannot_be_sliced_joined_or_contracted_is_named()
    {
        using ITensor a = Engine.Create(ElementType.Float32, 3, 4), wide = Engine.Create(ElementType.Float64, 3, 4);
        Action[] misfits =
        [
            () => Engine.Concatenate(0), () => Engine.Concatenate(0, a, Engine.Transpose(a)), () => Engine.Contract(a, [0], a, [1]), () => Engine.Contract(a, [0], a, []),
            () => Engine.Contract(a, [0, 0], a, [0, 0]), () => Engine.Contract(a, [2], a, [0]), () => Engine.SignedSums(a, [1, 1], 2),
        ];
        Assert.All(misfits, run => Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(run).ErrorId));
        Action[] mixtures = [() => Engine.Concatenate(0, a, wide), () => Engine.Contract(a, [0], wide, [0]), () => Engine.SignedSums(wide, [1, 1, 1], 2)];
        Assert.All(mixtures, run => Assert.Equal("ElementTypeNotSupported", Assert.Throws<LowRankToolsException>(run).ErrorId));
        Action[] outside = [() => Engine.SliceAlong(a, 2, 0, 1), () => Engine.SliceAlong(a, 1, 2, 3), () => Engine.SliceAlong(a, 0, -1, 1), () => Engine.Concatenate(2, a)];
        Assert.All(outside, run => Assert.ThrowsAny<ArgumentOutOfRangeException>(run));
    }

    // Neither rows nor columns lie one entry after the other.
    private static unsafe MatrixView<float> EveryOther(Matrix<float> matrix) => new(matrix.Pointer, matrix.Rows / 2, matrix.Columns / 2, 2 * matrix.Columns, 2, matrix);
}
