using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Layers.Pivoted;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using static LowRankTools.Networks.Tests.LoraTestNetworks;

namespace LowRankTools.Networks.Tests;

/// <summary>Layers of rows and combinations of them.</summary>
public sealed class PivotedLinearTests
{
    private const double Wide = 2.3e-16;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void It_computes_the_dense_layer(int tokens)
    {
        using PivotedLinear layer = Layer();
        using Linear dense = layer.ToDense(Engine);
        using ITensor x = GradientCheck.Tensor(3, tokens, 4);
        using Pass pass = Pass.Inference(Engine);
        foreach (Activation activation in new[] { Activation.None, Activation.Gelu })
        {
            using ITensor expected = dense.Forward(pass, x, activation), found = layer.Forward(pass, x, activation);
            AssertClose(Engine.ToArray(expected), Engine.ToArray(found), Wide);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Gradients_of_the_factors(int tokens)
    {
        using PivotedLinear layer = Layer();
        GradientCheck.Run(layer, tokens, layer.InFeatures);
        using ITensor x = GradientCheck.Tensor(3, tokens, layer.InFeatures);
        GradientCheck.Run(layer, [x], (pass, inputs) => layer.Forward(pass, inputs[0], Activation.Gelu), (pass, gradient) => [layer.Backward(pass, gradient, Activation.Gelu)]);
        Assert.Null(layer.Pivots.Gradient);
    }

    [Fact]
    public void The_layer_of_a_dense_one_at_full_rank_is_the_dense_one()
    {
        using Linear dense = new(GradientCheck.Factory(), 5, 9);
        using PivotedLinear layer = PivotedLinear.FromDense(Engine, dense, 5);
        using Linear back = layer.ToDense(Engine);
        AssertClose(Engine.ToArray(dense.Weight.Value), Engine.ToArray(back.Weight.Value), 1e-13);
        Assert.Same(dense.Bias, back.Bias);
        Assert.Equal("PivotedLinear(in_features=5, out_features=9, rank=5, bias=True)", layer.ToString());
        Assert.Equal(["weight.pivots", "weight.rows", "weight.others", "bias"], layer.StateDict().Select(p => p.Name));
    }

    [Fact]
    public void Its_pair_has_its_product_in_balanced_factors_and_it_takes_a_pairs_product_back()
    {
        using PivotedLinear layer = Layer(), other = Layer();
        using LowRankLinear pair = layer.ToPair(Engine);
        using Linear before = layer.ToDense(Engine);
        double[,] Gram(ITensor factor, bool transposed)
        {
            using ITensor gram = Engine.Uninitialized(factor.ElementType, pair.Rank, pair.Rank);
            Engine.MatMul(1, transposed ? Engine.Transpose(factor) : factor, transposed ? factor : Engine.Transpose(factor), 0, gram, default);
            double[] values = Engine.ToArray(gram);
            return new double[,] { { values[0], values[1] }, { values[2], values[3] } };
        }
        // B^T B = A A^T = S, diagonal.
        double[,] first = Gram(pair.First.Weight.Value, false), second = Gram(pair.Second.Weight.Value, true);
        Assert.All(Enumerable.Range(0, 4), k => Assert.Equal(first[k / 2, k % 2], second[k / 2, k % 2], 1e-5));
        Assert.Equal(0, first[0, 1], 1e-5);
        Assert.Same(layer.Bias, pair.Second.Bias);

        foreach (Parameter factor in new[] { other.Rows, other.Others })
            Engine.Fill(factor.Value, 0);
        other.TakeProduct(Engine, pair);
        using Linear after = other.ToDense(Engine);
        AssertClose(Engine.ToArray(before.Weight.Value), Engine.ToArray(after.Weight.Value), 1e-6);
        Assert.Equal(2, Engine.ToArray(other.Pivots.Value).Sum());
    }

    [Fact]
    public void Factors_that_do_not_fit_one_another_are_refused()
    {
        ParameterFactory factory = GradientCheck.Factory();
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => new PivotedLinear(factory.Normal(1, 6), factory.Normal(1, 2, 4), factory.Normal(1, 3, 2), null)).ErrorId);
        using PivotedLinear wrong = new(factory.Normal(1, 6), factory.Normal(1, 2, 4), factory.Normal(1, 4, 2), null);
        using ITensor x = GradientCheck.Tensor(3, 2, 4);
        using Pass pass = Pass.Inference(Engine);
        Assert.Equal("ShapesDoNotMatch", Assert.Throws<LowRankToolsException>(() => wrong.Forward(pass, x)).ErrorId);
    }

    private static PivotedLinear Layer()
    {
        ParameterFactory factory = GradientCheck.Factory();
        Parameter pivots = new(6) { Value = Engine.FromDoubles([0, 1, 0, 0, 1, 0], 6), Trainable = false };
        return new PivotedLinear(pivots, factory.Normal(1, 2, 4), factory.Normal(1, 4, 2), factory.Normal(1, 6));
    }
}
