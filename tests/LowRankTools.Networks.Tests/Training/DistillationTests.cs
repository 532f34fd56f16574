using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Modules;
using LowRankTools.Networks.Training;
using LowRankTools.Numerics.Engines;
using static LowRankTools.Networks.Tests.GradientCheck;

namespace LowRankTools.Networks.Tests;

/// <summary>Losses beside a teacher.</summary>
public sealed class DistillationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2.5)]
    public void Gradient_of_scores_is_that_of_central_differences(double temperature)
    {
        bool[] counted = [true, false, true];
        using ITensor teacher = Tensor(2, 3, 5);
        double[] z = Random(1, 15);
        double Loss(double[] values)
        {
            using Pass pass = Pass.Inference(Engine);
            return DistillationLoss.Logits(pass, Engine.FromDoubles(values, 3, 5), teacher, counted, temperature).Loss.Sum;
        }

        using Pass training = Pass.Training(Engine);
        (BatchLoss loss, ITensor? gradient) = DistillationLoss.Logits(training, Engine.FromDoubles(z, 3, 5), teacher, counted, temperature);
        Assert.Equal(2, loss.Count);
        Assert.Equal(Loss(z), loss.Sum);
        double[] g = Engine.ToArray(gradient!);
        for (int i = 0; i < z.Length; i++)
        {
            double[] up = [.. z], down = [.. z];
            up[i] += 1e-5;
            down[i] -= 1e-5;
            Assert.Equal((Loss(up) - Loss(down)) / 2e-5, g[i], 1e-8);
        }
    }

    [Fact]
    public void A_student_that_agrees_has_nothing_to_learn_and_any_other_has()
    {
        using Pass pass = Pass.Training(Engine);
        using ITensor teacher = Tensor(2, 4, 6);
        (BatchLoss loss, ITensor? gradient) = DistillationLoss.Logits(pass, Engine.Copy(teacher, ElementType.Float64), teacher);
        Assert.Equal(0, loss.Sum, 1e-14);
        Assert.All(Engine.ToArray(gradient!), g => Assert.Equal(0, g, 1e-15));

        // Gibbs' inequality, and scores that differ by a constant in each row say the same.
        Assert.InRange(DistillationLoss.Logits(pass, Tensor(3, 4, 6), teacher).Loss.Sum, 1e-3, double.MaxValue);
        using ITensor moved = Engine.FromDoubles([.. Engine.ToArray(teacher).Select(v => v + 3)], 4, 6);
        Assert.Equal(0, DistillationLoss.Logits(pass, Engine.Copy(moved, ElementType.Float64), teacher).Loss.Sum, 1e-13);
    }

    [Fact]
    public void States_are_a_mean_over_features_and_a_sum_over_tokens()
    {
        using Pass pass = Pass.Training(Engine);
        using ITensor y = Tensor(1, 3, 4), t = Tensor(2, 3, 4);
        double[] difference = [.. Engine.ToArray(y).Zip(Engine.ToArray(t), (a, b) => a - b)];
        (BatchLoss loss, ITensor? gradient) = DistillationLoss.States(pass, y, t);
        Assert.Equal(difference.Sum(d => d * d) / 4, loss.Sum, 1e-13);
        Assert.Equal(3, loss.Count);
        Assert.All(Engine.ToArray(gradient!).Zip(difference), pair => Assert.Equal(pair.Second / 2, pair.First, 1e-15));
    }

    [Fact]
    public void States_that_do_not_count_have_no_loss_and_no_gradient()
    {
        using Pass pass = Pass.Training(Engine);
        using ITensor y = Tensor(1, 3, 4), t = Tensor(2, 3, 4);
        double[] difference = [.. Engine.ToArray(y).Zip(Engine.ToArray(t), (a, b) => a - b)];
        (BatchLoss loss, ITensor? gradient) = DistillationLoss.States(pass, y, t, [true, false, true]);
        Assert.Equal(difference[..4].Concat(difference[8..]).Sum(d => d * d) / 4, loss.Sum, 1e-13);
        Assert.Equal(2, loss.Count);
        double[] g = Engine.ToArray(gradient!);
        Assert.Equal(new double[4], g[4..8]);
        Assert.All(g[..4].Zip(difference), pair => Assert.Equal(pair.Second / 2, pair.First, 1e-15));
    }

    [Fact]
    public void Gradient_of_cosines_is_that_of_central_differences()
    {
        using ITensor teacher = Tensor(2, 3, 5);
        double[] y = Random(1, 15);
        double Loss(double[] values)
        {
            using Pass pass = Pass.Inference(Engine);
            using ITensor embeddings = Engine.FromDoubles(values, 3, 5);
            return DistillationLoss.Cosine(pass, embeddings, teacher).Loss.Sum;
        }

        using Pass training = Pass.Training(Engine);
        using ITensor given = Engine.FromDoubles(y, 3, 5);
        (BatchLoss loss, ITensor? gradient) = DistillationLoss.Cosine(training, given, teacher);
        Assert.Equal(3, loss.Count);
        double[] g = Engine.ToArray(gradient!);
        for (int i = 0; i < y.Length; i++)
        {
            double[] up = [.. y], down = [.. y];
            up[i] += 1e-5;
            down[i] -= 1e-5;
            Assert.Equal((Loss(up) - Loss(down)) / 2e-5, g[i], 1e-8);
        }

        // A length says nothing, and zeros have no direction.
        Assert.Equal(0, DistillationLoss.Cosine(training, Engine.FromDoubles([.. Engine.ToArray(teacher).Select(v => 3 * v)], 3, 5), teacher).Loss.Sum, 1e-14);
        (BatchLoss zero, ITensor? none) = DistillationLoss.Cosine(training, Engine.Create(ElementType.Float64, 3, 5), teacher);
        Assert.Equal(3, zero.Sum);
        Assert.Equal(new double[15], Engine.ToArray(none!));
    }

    [Fact]
    public void A_gradient_at_the_last_states_goes_the_way_back_beside_that_of_the_scores()
    {
        using var model = new Gpt2(Factory(), new Gpt2Config { Vocabulary = 7, Width = 4, Depth = 1, Heads = 2, Hidden = 6, Positions = 3 });
        var batch = new TokenBatch([1, 2, 3, 4, 5, 6], 2);
        Run(model, [], (pass, _) => model.Forward(pass, batch).Hidden, (pass, gradient) =>
        {
            model.Backward(pass, Engine.Create(ElementType.Float64, 6, 7), gradient);
            return [];
        });
    }
}
