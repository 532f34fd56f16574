using LowRankTools.Decompositions.Cp;
using LowRankTools.Decompositions.Expressions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class ExpressionTests
{
    [Theory]
    [InlineData("ij,jk->ik")]
    [InlineData("ij,jk->ki")]
    [InlineData("bij,bkj->bik")]
    [InlineData("ij,kj->")]
    [InlineData("ij,kl->ljki")]
    [InlineData("ijb,kb->bk")]
    public void A_contraction_is_its_sum(string text)
    {
        Dictionary<char, int> sizes = new() { ['i'] = 3, ['j'] = 4, ['k'] = 2, ['l'] = 5, ['b'] = 3 };
        string[] sides = text.Split("->"), terms = sides[0].Split(',');
        Tensor[] tensors = [.. terms.Select((t, k) => TestTensors.Gaussian((ulong)k, [.. t.Select(c => sizes[c])]))];
        using Tensor found = Contraction.Of(tensors[0], terms[0], tensors[1], terms[1], sides[1]);
        Assert.Equal(Sum(terms, tensors, sides[1], sizes), found.Values.ToArray(), (x, y) => Math.Abs(x - y) < 1e-12);
    }

    [Fact]
    public void A_plan_is_the_sum_and_the_cheapest_of_all_orders()
    {
        Dictionary<char, int> sizes = new() { ['i'] = 6, ['j'] = 5, ['k'] = 4, ['r'] = 2, ['s'] = 3, ['t'] = 2 };
        string[] terms = ["ir", "rjs", "skt", "t"];
        Tensor[] tensors = [.. terms.Select((t, k) => TestTensors.Gaussian((ulong)k, [.. t.Select(c => sizes[c])]))];
        ContractionPlan plan = ContractionPlan.Of(terms, "ijk", c => sizes[c]);
        using Tensor found = plan.Run(tensors, ComputeOptions.Default, default);
        Assert.Equal(Sum(terms, tensors, "ijk", sizes), found.Values.ToArray(), (x, y) => Math.Abs(x - y) < 1e-12);
        // t first: skt t (24), then from the right: rjs sk (120) and ir rjk (240), or from the left: ir rjs (180) and ijs sk (360).
        Assert.Equal(24 + 120 + 240, plan.Cost);
    }

    [Theory]
    [InlineData("ir,jr,kr->ijk")]
    [InlineData("A:ir,B:jr,A:kr->ijk")]
    [InlineData("irs,jst,ktr->ijk")]
    [InlineData("ir,jr,krz->ijk")]
    public void Gradients_are_those_of_the_loss(string text)
    {
        TensorExpression expression = TensorExpression.Parse(text);
        using Tensor tensor = TestTensors.Gaussian(1, 3, 4, 3);
        int[] ranks = [.. expression.Inner.Select(_ => 2)];
        IReadOnlyList<FactorShape> shapes = expression.Shapes(tensor.Shape, ranks)!;
        DecompositionOptions options = new() { Ranks = ranks, Penalties = new Dictionary<string, FactorPenalty> { [shapes[0].Name] = new(L2: 0.3) } };
        ExpressionFit fit = new(expression, tensor, shapes, options, default);
        Tensor[] factors = fit.Start(shapes, 5);
        double[][] gradients = fit.Gradients(factors).Gradients;
        for (int k = 0; k < factors.Length; k++)
        {
            for (int i = 0; i < factors[k].Length; i++)
            {
                double value = factors[k].Values[i];
                factors[k].Values[i] = value + 1e-6;
                double up = fit.Gradients(factors).Loss;
                factors[k].Values[i] = value - 1e-6;
                double down = fit.Gradients(factors).Loss;
                factors[k].Values[i] = value;
                Assert.Equal((up - down) / 2e-6, gradients[k][i], 1e-7);
            }
        }
    }

    [Fact]
    public void Planted_components_are_found_by_the_expression_of_cp()
    {
        List<Matrix<double>> planted = [.. new[] { 8, 7, 6 }.Select((n, k) => TestTensors.GaussianMatrix((ulong)(70 + k), n, 2))];
        using Tensor tensor = CpProducts.Dense(planted, null, default);
        DecompositionMethod method = DecompositionMethods.Find("Expression(A:ir,B:jr,C:kr->ijk)");
        using Decomposition found = method.Decompose(tensor, new DecompositionOptions { Ranks = [2], Starts = 4, MaxIterations = 20000 });
        Assert.Equal(["A", "B", "C"], found.Factors.Select(f => f.Name));
        Assert.InRange(found.RelativeError, 0, 1e-6);
        for (int n = 0; n < 3; n++)
            Assert.InRange(Columns.Worst(planted[n], found.Factors[n].Values), 0, 1e-5);
        using Decomposition restored = DecompositionMethods.Find(found.Method).Restore(found.Shape, found.Ranks, [.. found.Factors.Select(f => f.Values.Copy())]);
        Assert.Equal(found.RelativeError, restored.ErrorAgainst(tensor), 1e-12);
    }

    [Fact]
    public void Penalties_do_what_they_say()
    {
        using Tensor tensor = TestTensors.Gaussian(3, 9, 8);
        DecompositionMethod method = DecompositionMethods.Find("Expression(A:ir,B:rj->ij)");
        using Decomposition plain = Fit(null), signless = Fit(new FactorPenalty(NonNegative: true)), sparse = Fit(new FactorPenalty(L1: 0.02)), small = Fit(new FactorPenalty(L2: 0.05));
        Assert.True(plain.RelativeError < signless.RelativeError);
        Assert.All(signless.Factors.SelectMany(f => f.Values.Values.ToArray()), v => Assert.True(v >= 0));
        Assert.Equal(0, Zeros(plain));
        Assert.True(Zeros(sparse) > 5, $"{Zeros(sparse)} zeros");
        Assert.True(Squares(small) < 0.9 * Squares(plain));

        Decomposition Fit(FactorPenalty? penalty) => method.Decompose(tensor, new DecompositionOptions { Ranks = [3], MaxIterations = 3000, Penalties = penalty is null ? null : new Dictionary<string, FactorPenalty> { ["A"] = penalty, ["B"] = penalty } });
        static int Zeros(Decomposition d) => d.Factors.Sum(f => f.Values.Values.ToArray().Count(v => v == 0));
        static double Squares(Decomposition d) => d.Factors.Sum(f => f.Values.SquaredNorm());
    }

    [Theory]
    [InlineData("ir,jr")]
    [InlineData("ir,jr->ijk")]
    [InlineData("ii,jr->ij")]
    [InlineData("ir,jr->")]
    [InlineData("i1,j1->ij")]
    [InlineData("A:ir,A:jrs->ij")]
    [InlineData(",jr->j")]
    public void What_is_no_expression_is_refused(string text) =>
        Assert.Equal("OptionInvalid", Assert.Throws<LowRankToolsException>(() => TensorExpression.Parse(text)).ErrorId);

    [Fact]
    public void Options_and_shapes_that_do_not_fit_are_refused()
    {
        using Tensor tensor = TestTensors.Gaussian(1, 3, 4, 5);
        DecompositionMethod method = DecompositionMethods.Find("Expression(ir,jr,kr->ijk)"), twice = DecompositionMethods.Find("Expression(A:ir,A:jr,B:kr->ijk)");
        Assert.Equal("OptionInvalid", Id(method, new DecompositionOptions { Tolerance = 0.1 }));
        Assert.Equal("OptionInvalid", Id(method, new DecompositionOptions { Ranks = [2, 2] }));
        Assert.Equal("OptionInvalid", Id(method, new DecompositionOptions { Ranks = [2], Penalties = new Dictionary<string, FactorPenalty> { ["X"] = new() } }));
        Assert.Equal("OptionInvalid", Id(method, new DecompositionOptions { Ranks = [2], Penalties = new Dictionary<string, FactorPenalty> { ["factor0"] = new(L1: -1) } }));
        Assert.Equal("ShapesDoNotMatch", Id(twice, new DecompositionOptions { Ranks = [2] }));

        string Id(DecompositionMethod m, DecompositionOptions options) => Assert.Throws<LowRankToolsException>(() => m.Decompose(tensor, options)).ErrorId;
    }

    private static double[] Sum(string[] terms, Tensor[] tensors, string output, Dictionary<char, int> sizes)
    {
        char[] all = [.. terms.SelectMany(t => t).Distinct()];
        double[] result = new double[output.Aggregate(1, (n, c) => n * sizes[c])];
        int count = all.Aggregate(1, (n, c) => n * sizes[c]);
        for (int place = 0; place < count; place++)
        {
            Dictionary<char, int> index = [];
            int rest = place;
            foreach (char c in all)
            {
                index[c] = rest % sizes[c];
                rest /= sizes[c];
            }
            double product = 1;
            for (int t = 0; t < terms.Length; t++)
                product *= tensors[t].Values[terms[t].Aggregate(0, (n, c) => (n * sizes[c]) + index[c])];
            result[output.Aggregate(0, (n, c) => (n * sizes[c]) + index[c])] += product;
        }
        return result;
    }
}
