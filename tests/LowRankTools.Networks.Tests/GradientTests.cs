using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.GradientCheck;

namespace LowRankTools.Networks.Tests;

/// <summary>Every way back beside central differences.</summary>
public sealed class GradientTests
{
    public static TheoryData<Activation> Activations => [.. Enum.GetValues<Activation>()];

    [Theory]
    [MemberData(nameof(Activations))]
    public void Linear_with_its_activation(Activation activation)
    {
        using var layer = new Sequential(new Linear(Factory(), 5, 9), new ActivationLayer(activation));
        Run(layer, 7, 5);
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Activation_alone(Activation activation)
    {
        using var layer = new ActivationLayer(activation);
        Run(layer, 3, 11);
    }

    [Fact]
    public void Linear_without_bias()
    {
        using var layer = new Linear(Factory(), 4, 3, bias: false);
        Run(layer, 6, 4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Low_rank_pair(bool firstBias)
    {
        using var layer = new Sequential(new LowRankLinear(Factory(), 9, 8, 2, firstBias: firstBias), new ActivationLayer(Activation.Gelu));
        Run(layer, 5, 9);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(37)]
    public void Normalizations(int features)
    {
        using var layers = new Sequential(new LayerNorm(Factory(1), features), new RmsNorm(Factory(2), features));
        Run(layers, 70, features);
    }

    [Fact]
    public void Dropout_and_residual()
    {
        using var layer = new Residual(new Sequential(new Linear(Factory(), 6, 6), new Dropout(0.4)));
        Run(layer, 8, 6);
    }

    [Fact]
    public void Feed_forward_plain_and_gated()
    {
        using var plain = new FeedForward(new Linear(Factory(1), 5, 12), new LowRankLinear(Factory(2), 12, 5, 2));
        Run(plain, 6, 5);
        using var gated = new GatedFeedForward(new Linear(Factory(1), 5, 7, false), new Linear(Factory(2), 5, 7, false), new Linear(Factory(3), 7, 5, false));
        Run(gated, 6, 5);
    }

    [Fact]
    public void Embeddings()
    {
        int[] ids = [3, 0, 3, 1];
        using var table = new Embedding(Factory(), 5, 4);
        Run(table, [], (pass, _) => table.Forward(pass, ids), (pass, gradient) => Nothing(() => table.Backward(pass, gradient)));
        using var pair = new LowRankEmbedding(Factory(), 5, 4, 2);
        Run(pair, [], (pass, _) => pair.Forward(pass, ids), (pass, gradient) => Nothing(() => pair.Backward(pass, gradient)));
    }

    [Theory]
    [InlineData(1, 2, 2, 3, 3, false, false)]
    [InlineData(2, 4, 2, 5, 5, true, true)]
    [InlineData(2, 4, 1, 4, 7, false, true)]
    [InlineData(1, 2, 2, 3, 6, true, false)]
    [InlineData(1, 2, 1, 5, 2, true, false)]
    public void Attention(int batch, int heads, int keyHeads, int queries, int keys, bool causal, bool masked)
    {
        ParameterFactory factory = Factory();
        const int Width = 6, Head = 4;
        using var attention = new MultiHeadAttention(
            new AttentionOptions(heads) { KeyHeads = keyHeads, Causal = causal },
            new Linear(factory, Width, heads * Head, false),
            new Linear(factory, Width, keyHeads * Head),
            new LowRankLinear(factory, Width, keyHeads * Head, 2),
            new Linear(factory, heads * Head, Width));
        bool[]? mask = masked ? [.. Enumerable.Range(0, batch * keys).Select(i => i % 4 != 2)] : null;
        using RotaryTables rotary = RotaryTables.Create(Engine, Math.Max(queries, keys), 2, interleaved: causal, type: ElementType.Float64);
        var input = new AttentionInput(batch, mask, queries == keys ? rotary : null);
        using ITensor x = Tensor(1, batch * queries, Width), context = Tensor(2, batch * keys, Width);
        Run(attention, [x, context], (pass, inputs) => attention.Forward(pass, inputs[0], inputs[1], input), (pass, gradient) =>
        {
            (ITensor dx, ITensor? dContext) = attention.Backward(pass, gradient);
            return [dx, dContext];
        });
        if (queries != keys) return;
        Run(attention, [x], (pass, inputs) => attention.Forward(pass, inputs[0], null, input), (pass, gradient) => [attention.Backward(pass, gradient).X]);
    }

    [Fact]
    public void Packed_attention()
    {
        ParameterFactory factory = Factory();
        using var attention = new PackedAttention(new AttentionOptions(2) { KeyHeads = 1, Causal = true }, new Linear(factory, 6, 4 * 4), new Linear(factory, 8, 6));
        using RotaryTables rotary = RotaryTables.Create(Engine, 5, 4, type: ElementType.Float64);
        using ITensor x = Tensor(1, 10, 6);
        Run(attention, [x], (pass, inputs) => attention.Forward(pass, inputs[0], new AttentionInput(2, null, rotary)), (pass, gradient) => [attention.Backward(pass, gradient)]);
    }

    [Theory]
    [InlineData(1, 1, 0, 1)]
    [InlineData(2, 2, 1, 1)]
    [InlineData(1, 3, 2, 2)]
    public void Convolutions(int groups, int stride, int padding, int dilation)
    {
        var options = new ConvolutionOptions { Groups = groups, Stride = (stride, 1), Padding = (padding, padding), Dilation = (1, dilation), Bias = stride < 3 };
        using var image = new Conv2d(Factory(), 4, 6, (3, 2), options);
        ConvolutionShape shape = image.Shape(5, 4);
        using ITensor x = Tensor(1, 2 * 5 * 4, 4);
        Run(image, [x], (pass, inputs) => image.Forward(pass, inputs[0], shape, Activation.Tanh), (pass, gradient) => [image.Backward(pass, gradient)]);
        using var signal = new Conv1d(Factory(), 4, 6, 3, options);
        Run(signal, [x], (pass, inputs) => signal.Forward(pass, inputs[0], signal.Shape(20)), (pass, gradient) => [signal.Backward(pass, gradient)]);
    }

    [Fact]
    public void A_table_tied_to_the_head_gets_both_gradients()
    {
        using var table = new Embedding(Factory(), 6, 4);
        using var head = new Linear(table.Weight);
        using var model = new ModuleList<Module>(table, head);
        Run(model, [], (pass, _) => pass.Through(head, table.Forward(pass, [1, 5, 1])), (pass, gradient) => Nothing(() => table.Backward(pass, head.Backward(pass, gradient))));
    }

    [Fact]
    public void Cross_entropy()
    {
        int[] targets = [2, -100, 0, 4];
        using ITensor logits = Tensor(1, 4, 5), gradient = Engine.Create(ElementType.Float64, 4, 5);
        double loss = Engine.CrossEntropy(logits, targets, gradient);
        double[] z = Engine.ToArray(logits), g = Engine.ToArray(gradient);
        double expected = 0;
        foreach (int row in new[] { 0, 2, 3 })
        {
            double[] e = [.. z.Skip(row * 5).Take(5).Select(Math.Exp)];
            expected -= Math.Log(e[targets[row]] / e.Sum()) / 3;
            for (int c = 0; c < 5; c++) Assert.Equal(((e[c] / e.Sum()) - (c == targets[row] ? 1 : 0)) / 3, g[(row * 5) + c], 1e-14);
        }

        Assert.Equal(expected, loss, 1e-13);
        Assert.All(g[5..10], value => Assert.Equal(0, value));
    }

    private static ITensor?[] Nothing(Action backward)
    {
        backward();
        return [];
    }
}
