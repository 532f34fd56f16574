using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Numerics.Tests;

/// <summary>
/// What the network primitives of every engine must keep, beside the readable definition in float64. Gradients are held
/// to central differences in LowRankTools.Networks.Tests.
/// </summary>
public abstract partial class NetworkConformance
{
    protected abstract INetworkEngine Engine { get; }

    public static TheoryData<Activation, ElementType> Activations()
    {
        var data = new TheoryData<Activation, ElementType>();
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            data.Add(activation, ElementType.Float32);
            data.Add(activation, ElementType.Float64);
        }

        return data;
    }

    [Fact]
    public void A_view_shares_memory_and_takes_entries_in_order_alone()
    {
        using ITensor x = Tensor(ElementType.Float32, [.. Enumerable.Range(0, 24).Select(i => (double)i)], 4, 6);
        ITensor view = Engine.View(x, 2, 3, 4), rows = Engine.View(Engine.Slice(x, 1, 2), 3, 4);
        Assert.Equal([2, 3, 4], view.Shape);
        Assert.Equal(Enumerable.Range(6, 12).Select(i => (double)i), Engine.ToArray(rows));
        Engine.Fill(rows, -1);
        Assert.Equal([5.0, -1, -1], Engine.ToArray(x)[5..8]);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.View(x, 5, 5)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.View(Engine.Columns(x, 0, 3), 12)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.View(Engine.Transpose(x), 24)).ErrorId);
    }

    [Theory]
    [InlineData(new[] { 3, 4, 5, 2 }, new[] { 0, 2, 1, 3 })]
    [InlineData(new[] { 3, 4, 5, 2 }, new[] { 3, 1, 0, 2 })]
    [InlineData(new[] { 40, 50, 60 }, new[] { 2, 0, 1 })]
    [InlineData(new[] { 40, 50, 60 }, new[] { 1, 0, 2 })]
    [InlineData(new[] { 7 }, new[] { 0 })]
    public void A_permutation_puts_every_entry_where_it_belongs(int[] sizes, int[] order)
    {
        int count = sizes.Aggregate(1, (n, s) => n * s);
        using ITensor x = Tensor(ElementType.Float64, [.. Enumerable.Range(0, count).Select(i => (double)i)], sizes), turned = Engine.Permute(x, order);
        Assert.Equal(order.Select(k => sizes[k]), turned.Shape);
        double[] found = Engine.ToArray(turned), expected = new double[count];
        for (int i = 0; i < count; i++)
        {
            int[] index = new int[sizes.Length];
            for (int k = sizes.Length - 1, rest = i; k >= 0; rest /= sizes[k--]) index[k] = rest % sizes[k];
            expected[order.Aggregate(0, (place, k) => (place * sizes[k]) + index[k])] = i;
        }

        Assert.Equal(expected, found);
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Activation_and_slope_are_right_over_the_whole_line(Activation activation, ElementType type)
    {
        double[] x = [.. Enumerable.Range(-3000, 6001).Select(i => i / 100.0), -1e4, 1e4, 0, 1e-6, -1e-6, 1e-3];
        const double Bias = 0.25;
        using ITensor input = Tensor(type, x, x.Length, 1), bias = Tensor(type, [Bias], 1), output = Engine.Create(type, x.Length, 1), ones = Engine.Create(type, x.Length, 1), slope = Engine.Create(type, x.Length, 1);
        Engine.Activate(activation, input, bias, output);
        Engine.Fill(ones, 1);
        Engine.ActivateBackward(activation, input, bias, ones, slope);
        double[] seen = Engine.ToArray(input), y = Engine.ToArray(output), s = Engine.ToArray(slope);
        double epsilon = type == ElementType.Float32 ? 1.2e-7 : 2.3e-16;
        for (int i = 0; i < x.Length; i++)
        {
            double z = type == ElementType.Float32 ? (float)(seen[i] + Bias) : seen[i] + Bias;
            (double value, double derivative) = NetworkDefinitions.Of(activation, z);
            Assert.True(Math.Abs(y[i] - value) <= 8 * epsilon * Math.Max(Math.Abs(value), NetworkDefinitions.Blur(activation, z)), $"f({z}) = {y[i]}, not {value}");
            Assert.True(Math.Abs(s[i] - derivative) <= 32 * epsilon * Math.Max(1, Math.Abs(derivative)), $"f'({z}) = {s[i]}, not {derivative}");
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(5, 512)]
    [InlineData(700, 65)]
    public void Normalization_has_its_mean_and_size(int rows, int columns)
    {
        using ITensor x = Engine.Random(1, rows, columns), y = Engine.Create(ElementType.Float32, rows, columns), w = Engine.Random(2, columns), b = Engine.Random(3, columns);
        Engine.AddScaled(3, x, 0, y);
        foreach (Normalization kind in Enum.GetValues<Normalization>())
        {
            Engine.Normalize(kind, x, w, b, 1e-5, y);
            double[] xs = Engine.ToArray(x), ys = Engine.ToArray(y), ws = Engine.ToArray(w), bs = Engine.ToArray(b);
            for (int i = 0; i < rows; i++)
            {
                double[] row = xs[(i * columns)..((i + 1) * columns)];
                double mean = kind == Normalization.Layer ? row.Average() : 0;
                double scale = 1 / Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + 1e-5);
                for (int j = 0; j < columns; j++) Assert.Equal(((row[j] - mean) * scale * ws[j]) + bs[j], ys[(i * columns) + j], 2e-5);
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 1, 8, 8, false, false)]
    [InlineData(1, 2, 2, 5, 5, 16, 16, true, false)]
    [InlineData(2, 4, 2, 49, 49, 40, 24, true, true)]
    [InlineData(1, 8, 1, 48, 130, 64, 64, false, true)]
    [InlineData(3, 2, 2, 100, 300, 7, 33, true, true)]
    [InlineData(1, 2, 1, 300, 300, 64, 64, true, false)]
    [InlineData(1, 1, 1, 20, 10, 4, 4, true, false)]
    [InlineData(1, 3, 3, 520, 530, 128, 80, false, false)]
    [InlineData(2, 4, 2, 70, 70, 24, 24, true, false)]
    [InlineData(2, 4, 2, 33, 70, 24, 24, false, true)]
    [InlineData(1, 4, 4, 33, 70, 24, 24, true, false)]
    public void Attention_is_the_softmax_of_all_scores(int batch, int heads, int keyHeads, int queries, int keys, int width, int valueWidth, bool causal, bool masked)
    {
        using ITensor q = Engine.Random(1, batch * queries, heads * width), k = Engine.Random(2, batch * keys, keyHeads * width), v = Engine.Random(3, batch * keys, keyHeads * valueWidth);
        bool[] mask = masked ? [.. Enumerable.Range(0, batch * keys).Select(i => i % 5 != 3 && (i / keys != 1 || i % keys < keys / 2))] : [];
        var shape = new AttentionShape(batch, heads, keyHeads, causal, 1 / Math.Sqrt(width));
        using ITensor y = Engine.Create(ElementType.Float32, batch * queries, heads * valueWidth), sums = Engine.Create(ElementType.Float32, batch * heads, queries);
        double[] expected = NetworkDefinitions.Attention(shape, Engine.ToArray(q), Engine.ToArray(k), Engine.ToArray(v), mask, queries, keys, width, valueWidth);
        foreach (ITensor? kept in new[] { sums, null })
        {
            Engine.Fill(y, double.NaN);
            Engine.Attention(shape, q, k, v, mask, y, kept);
            double[] actual = Engine.ToArray(y);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5);
        }
    }

    [Fact]
    public void Attention_of_columns_is_that_of_their_copies()
    {
        using ITensor packed = Engine.Random(1, 60, 3 * 32), y = Engine.Create(ElementType.Float32, 60, 32), again = Engine.Create(ElementType.Float32, 60, 32);
        ITensor q = Engine.Columns(packed, 0, 32), k = Engine.Columns(packed, 32, 32), v = Engine.Columns(packed, 64, 32);
        var shape = new AttentionShape(2, 4, 4, true, 0.3);
        Engine.Attention(shape, q, k, v, [], y, null);
        using ITensor qc = Engine.Copy(q, ElementType.Float32), kc = Engine.Copy(k, ElementType.Float32), vc = Engine.Copy(v, ElementType.Float32);
        Engine.Attention(shape, qc, kc, vc, [], again, null);
        Assert.Equal(Engine.ToArray(y), Engine.ToArray(again));
    }

    [Fact]
    public void A_query_that_sees_nothing_gets_zeros_and_no_gradient()
    {
        using ITensor x = Engine.Random(1, 6, 8), y = Engine.Create(ElementType.Float32, 6, 8), sums = Engine.Create(ElementType.Float32, 2, 6);
        using ITensor dq = Engine.Create(ElementType.Float32, 6, 8), dk = Engine.Create(ElementType.Float32, 6, 8), dv = Engine.Create(ElementType.Float32, 6, 8);
        var shape = new AttentionShape(1, 2, 2, true, 1);
        bool[] mask = [false, false, true, true, true, true];
        Engine.Attention(shape, x, x, x, mask, y, sums);
        Engine.AttentionBackward(shape, x, x, x, mask, y, sums, x, dq, dk, dv);
        using ITensor alone = Engine.Create(ElementType.Float32, 6, 8), blind = Engine.Create(ElementType.Float32, 6, 8);
        Engine.Attention(shape, x, x, x, mask, alone, null);
        Engine.Fill(blind, double.NaN);
        Engine.Attention(shape with { Causal = false }, x, x, x, new bool[6], blind, null);
        Assert.All(Engine.ToArray(blind), value => Assert.Equal(0, value));
        foreach (ITensor tensor in new[] { y, alone, dq })
        {
            Assert.All(Engine.ToArray(tensor)[..16], value => Assert.Equal(0, value));
            Assert.All(Engine.ToArray(tensor)[16..], value => Assert.True(double.IsFinite(value)));
        }

        Assert.All(Engine.ToArray(dk)[..16], value => Assert.Equal(0, value));
        Assert.All(Engine.ToArray(dv)[..16], value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rotation_keeps_lengths_and_depends_on_distance_only(bool interleaved)
    {
        const int Positions = 9, Width = 12, Pairs = 4;
        double[] angles = [.. Enumerable.Range(0, Positions * Pairs).Select(i => i / Pairs * Math.Pow(10, -(i % Pairs)))];
        using ITensor cosines = Tensor(ElementType.Float32, [.. angles.Select(Math.Cos)], Positions, Pairs), sines = Tensor(ElementType.Float32, [.. angles.Select(Math.Sin)], Positions, Pairs);
        using ITensor one = Engine.Random(1, 1, 2 * Width), all = Engine.Create(ElementType.Float32, Positions, 2 * Width), turned = Engine.Create(ElementType.Float32, Positions, 2 * Width);
        Engine.Gather(one, new int[Positions], all);
        Engine.Rotate(all, 2, cosines, sines, interleaved, false, turned);
        double[] before = Engine.ToArray(all), after = Engine.ToArray(turned);
        double Product(int p, int q, int head) => Enumerable.Range(0, Width).Sum(j => after[(p * 2 * Width) + (head * Width) + j] * after[(q * 2 * Width) + (head * Width) + j]);
        for (int head = 0; head < 2; head++)
        {
            for (int p = 0; p + 3 < Positions; p++) Assert.Equal(Product(0, 3, head), Product(p, p + 3, head), 1e-5);
            Assert.Equal(Enumerable.Range(head * Width, Width).Sum(j => before[j] * before[j]), Product(5, 5, head), 1e-5);
        }

        Assert.NotEqual(before, after);
        Engine.Rotate(turned, 2, cosines, sines, interleaved, true, turned);
        Assert.All(before.Zip(Engine.ToArray(turned)), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    [Fact]
    public void Table_rows_go_out_and_their_gradients_come_back()
    {
        int[] ids = [4, 0, 4, 2];
        using ITensor table = Engine.Random(1, 5, 70), y = Engine.Create(ElementType.Float32, 4, 70), back = Engine.Create(ElementType.Float32, 5, 70);
        Engine.Gather(table, ids, y);
        Engine.ScatterAdd(y, ids, back);
        double[] t = Engine.ToArray(table), b = Engine.ToArray(back);
        double[] times = [1, 0, 1, 0, 2];
        for (int i = 0; i < b.Length; i++) Assert.Equal(times[i / 70] * t[i], b[i], 1e-6);
        Assert.Equal("IndexOutOfRange", Assert.Throws<LowRankToolsException>(() => Engine.Gather(table, [0, 1, 2, 5], y)).ErrorId);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1000, 33)]
    public void Column_sums_add_up(int rows, int columns)
    {
        using ITensor x = Engine.Random(1, rows, columns), sums = Engine.Create(ElementType.Float32, columns);
        Engine.Fill(sums, 2);
        Engine.AddColumnSums(x, sums);
        double[] xs = Engine.ToArray(x), s = Engine.ToArray(sums);
        for (int j = 0; j < columns; j++) Assert.Equal(2 + Enumerable.Range(0, rows).Sum(i => xs[(i * columns) + j]), s[j], 1e-3);
    }

    [Fact]
    public void Dropout_keeps_its_share_and_scales_the_rest()
    {
        using ITensor x = Engine.Create(ElementType.Float32, 100, 100), y = Engine.Create(ElementType.Float32, 100, 100), again = Engine.Create(ElementType.Float32, 100, 100);
        Engine.Fill(x, 1);
        Engine.Dropout(x, 0.25, 5, y);
        Engine.Dropout(x, 0.25, 5, again);
        double[] values = Engine.ToArray(y);
        Assert.All(values, value => Assert.True(value == 0 || Math.Abs(value - (4 / 3.0)) < 1e-6));

        // Within five standard deviations.
        Assert.InRange(values.Count(value => value == 0), 2500 - 217, 2500 + 217);
        Assert.Equal(values, Engine.ToArray(again));
    }

    [Fact]
    public void Adam_takes_the_published_step()
    {
        var settings = new AdamSettings(0.1, 0.01);
        using ITensor w = Engine.Random(1, 3, 5), g = Engine.Random(2, 3, 5), m = Engine.Create(ElementType.Float32, 3, 5), s = Engine.Create(ElementType.Float32, 3, 5);
        double[] expected = Engine.ToArray(w), gradient = Engine.ToArray(g), mean = new double[15], square = new double[15];
        for (int t = 1; t <= 3; t++)
        {
            Engine.Adam(settings, t, w, g, m, s);
            for (int i = 0; i < 15; i++)
            {
                mean[i] = (0.9 * mean[i]) + (0.1 * gradient[i]);
                square[i] = (0.999 * square[i]) + (0.001 * gradient[i] * gradient[i]);
                expected[i] = (expected[i] * (1 - 0.001)) - (0.1 * (mean[i] / (1 - Math.Pow(0.9, t))) / (Math.Sqrt(square[i] / (1 - Math.Pow(0.999, t))) + 1e-8));
            }
        }

        Assert.All(expected.Zip(Engine.ToArray(w)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void Shapes_that_do_not_go_together_are_refused()
    {
        using ITensor x = Engine.Create(ElementType.Float32, 4, 6), y = Engine.Create(ElementType.Float32, 4, 5), v = Engine.Create(ElementType.Float32, 5);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Activate(Activation.Relu, x, null, y)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Activate(Activation.Relu, x, v, x)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Attention(new AttentionShape(1, 4, 4, false, 1), x, x, x, [], x, null)).ErrorId);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.Attention(new AttentionShape(1, 2, 2, false, 1), x, x, x, [true], x, null)).ErrorId);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_gate_of_another_shape_is_refused_before_a_gradient_is_written(int odd)
    {
        ITensor[] t = [.. Enumerable.Range(0, 5).Select(i => Engine.Create(ElementType.Float32, 4, i == odd ? 5 : 6))];
        for (int i = 0; i < t.Length; i++) Engine.Fill(t[i], i);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => Engine.GateBackward(Activation.Silu, t[0], t[1], t[2], t[3], t[4])).ErrorId);
        for (int i = 3; i < t.Length; i++) Assert.All(Engine.ToArray(t[i]), value => Assert.Equal(i, value));
        foreach (ITensor tensor in t) tensor.Dispose();
    }

    private ITensor Tensor(ElementType type, double[] values, params int[] shape)
    {
        ITensor wide = Engine.FromDoubles(values, shape);
        if (type == ElementType.Float64) return wide;
        using (wide) return Engine.Copy(wide, type);
    }
}
