using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Adapters;

public sealed class JoinAdaptersTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Adapter(string name, int seed, int rank, string config = """{"r":RANK,"lora_alpha":6}""") =>
        TestAdapter.Peft(_folder[name], config.Replace("RANK", $"{rank}", StringComparison.Ordinal), [.. TestAdapter.PeftModule("a", seed, 30, rank, 20), .. TestAdapter.PeftModule("b", seed + 7, 12, rank, 40)]);

    private AdapterResult Join(JoinMode mode, AdapterRank? rank, double[] weights, params ModelSource[] sources) =>
        new JoinAdapters(mode, rank, new() { OutputPath = _folder["out"], Force = true }).Run(sources, weights);

    private static Dictionary<string, double[]> Sum(double[] weights, params ModelSource[] sources)
    {
        List<Dictionary<string, double[]>> deltas = [.. sources.Select(s => TestAdapter.Deltas(s.Path))];
        return deltas.SelectMany(d => d.Keys).Distinct().ToDictionary(k => k, k => Enumerable.Range(0, sources.Length)
            .Where(i => deltas[i].ContainsKey(k)).Select(i => deltas[i][k].Select(v => v * weights[i]).ToArray()).Aggregate((x, y) => [.. x.Zip(y, (p, q) => p + q)]), StringComparer.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(0.3, -2)]
    public void Side_by_side_is_the_weighted_sum(double first, double second)
    {
        ModelSource x = Adapter("x", 1, 4), y = Adapter("y", 2, 3, """{"r":3,"lora_alpha":5,"use_rslora":true}""");
        AdapterResult result = Join(JoinMode.Cat, null, [first, second], x, y);
        Assert.All(result.Modules, m => Assert.Equal((7, 7, 0.0), (m.RankBefore, m.Rank, m.RelativeError)));
        Dictionary<string, double[]> joined = TestAdapter.Deltas(result.Path);
        foreach ((string name, double[] sum) in Sum([first, second], x, y))
            Assert.InRange(TestAdapter.Distance(sum, joined[name]) / TestAdapter.Norm(sum), 0, 1e-6);
    }

    [Fact]
    public void Recompressed_it_is_the_best_of_its_rank()
    {
        ModelSource x = Adapter("x", 1, 4), y = Adapter("y", 2, 3);
        AdapterResult result = Join(JoinMode.Svd, new AdapterRank.Fixed(3), [1, 0.5], x, y);
        Dictionary<string, double[]> joined = TestAdapter.Deltas(result.Path), sums = Sum([1, 0.5], x, y);
        foreach (AdapterModuleResult module in result.Modules)
        {
            double[] sum = sums[module.Name];
            using Matrix<float> dense = Matrix<float>.From((int)module.Shape[0], (int)module.Shape[1], [.. sum.Select(v => (float)v)]);
            double[] values = SingularValues.Compute(dense.View);
            double least = TestAdapter.Norm(values.Skip(3)) / TestAdapter.Norm(values);
            Assert.InRange(Math.Abs(TestAdapter.Distance(sum, joined[module.Name]) / TestAdapter.Norm(sum) - least), 0, 1e-6);
            Assert.InRange(Math.Abs(module.RelativeError - least), 0, 1e-6);
        }
    }

    private static double[] Trimmed(double[] delta, double density)
    {
        HashSet<int> kept = [.. Enumerable.Range(0, delta.Length).OrderByDescending(i => Math.Abs(delta[i])).Take((int)(density * delta.Length))];
        return [.. delta.Select((v, i) => kept.Contains(i) ? v : 0)];
    }

    [Fact]
    public void Ties_averages_the_large_entries_of_the_elected_sign()
    {
        double[] weights = [1, 0.5, 2];
        ModelSource[] sources = [Adapter("x", 1, 4), Adapter("y", 2, 3), Adapter("z", 3, 2)];
        AdapterResult result = new JoinAdapters(JoinMode.Ties, new AdapterRank.Fixed(30), new() { OutputPath = _folder["out"] }) { Density = 0.3 }.Run(sources, weights);
        Dictionary<string, double[]> joined = TestAdapter.Deltas(result.Path);
        List<Dictionary<string, double[]>> deltas = [.. sources.Select(s => TestAdapter.Deltas(s.Path))];
        foreach ((string name, double[] actual) in joined)
        {
            double[][] trimmed = [.. deltas.Select(d => Trimmed(d[name], 0.3))];
            double[] expected = [.. Enumerable.Range(0, actual.Length).Select(i =>
            {
                double sign = trimmed.Sum(t => t[i]) >= 0 ? 1 : -1;
                int[] same = [.. Enumerable.Range(0, 3).Where(k => trimmed[k][i] * sign > 0)];
                return same.Length == 0 ? 0 : same.Sum(k => weights[k] * trimmed[k][i]) / same.Length;
            })];
            Assert.InRange(TestAdapter.Distance(expected, actual) / TestAdapter.Norm(expected), 0, 1e-5);
        }
    }

    [Fact]
    public void Dare_keeps_entries_or_drops_them_and_raises_what_it_keeps()
    {
        ModelSource x = Adapter("x", 1, 4), y = Adapter("y", 2, 3);
        double[] Run(ulong seed) => TestAdapter.Deltas(new JoinAdapters(JoinMode.Dare, new AdapterRank.Fixed(20), new() { OutputPath = _folder["out"], Force = true }) { Density = 0.25, Seed = seed }.Run([x, y], [1, 0]).Path)["a"];
        double[] delta = TestAdapter.Deltas(x.Path)["a"], once = Run(5);
        double large = delta.Max(Math.Abs);
        int kept = 0;
        for (int i = 0; i < delta.Length; i++)
        {
            bool stays = Math.Abs(once[i]) > Math.Abs(once[i] - 4 * delta[i]);
            kept += stays ? 1 : 0;
            Assert.InRange(Math.Abs(once[i] - (stays ? 4 * delta[i] : 0)) / large, 0, 1e-4);
        }
        // A quarter of 600, within six standard deviations.
        Assert.InRange(kept, 150 - 64, 150 + 64);
        Assert.Equal(once, Run(5));
        Assert.NotEqual(once, Run(6));
    }

    [Theory]
    [InlineData(JoinMode.Ties, null, 0.5)]
    [InlineData(JoinMode.Ties, 2, null)]
    [InlineData(JoinMode.Dare, 2, 0.0)]
    [InlineData(JoinMode.Dare, 2, 1.5)]
    [InlineData(JoinMode.Svd, 2, 0.5)]
    [InlineData(JoinMode.Cat, null, 0.5)]
    public void Densities_and_ranks_that_do_not_go_with_a_mode_are_refused(JoinMode mode, int? rank, double? density) =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(new JoinAdapters(mode, rank is { } r ? new AdapterRank.Fixed(r) : null, new()) { Density = density }.Validate).ErrorId);

    [Fact]
    public void An_adapter_and_its_opposite_are_nothing()
    {
        ModelSource x = Adapter("x", 1, 4);
        AdapterResult result = Join(JoinMode.Svd, new AdapterRank.Fixed(1), [1, -1], x, x);
        Assert.All(TestAdapter.Deltas(result.Path), d => Assert.InRange(TestAdapter.Norm(d.Value) / TestAdapter.Norm(TestAdapter.Deltas(x.Path)[d.Key]), 0, 1e-6));
    }

    [Fact]
    public void Sums_of_factors_have_cross_terms_and_the_result_says_how_large_they_are()
    {
        ModelSource x = Adapter("x", 1, 4), y = Adapter("y", 2, 4);
        AdapterResult result = Join(JoinMode.Linear, null, [0.7, 0.4], x, y);
        Dictionary<string, double[]> joined = TestAdapter.Deltas(result.Path);
        foreach ((string name, double[] sum) in Sum([0.7, 0.4], x, y))
        {
            AdapterModuleResult module = result.Modules.Single(m => m.Name == name);
            Assert.Equal(4, module.Rank);
            Assert.Equal(TestAdapter.Distance(sum, joined[name]) / TestAdapter.Norm(sum), module.RelativeError, 1e-5);
            // (p A + q A')(p B + q B'), p and q roots of weight times scale 6/4.
            (double p, double q) = (Math.Sqrt(0.7 * 1.5), Math.Sqrt(0.4 * 1.5));
            Dictionary<string, (long[] Shape, float[] Values)> tx = TestModel.Read(x.Path), ty = TestModel.Read(y.Path);
            string prefix = $"base_model.model.{name}.lora_";
            float[] a = [.. tx[prefix + "A.weight"].Values.Zip(ty[prefix + "A.weight"].Values, (u, v) => (float)(p * u + q * v))];
            float[] b = [.. tx[prefix + "B.weight"].Values.Zip(ty[prefix + "B.weight"].Values, (u, v) => (float)(p * u + q * v))];
            double[] product = TestModel.Multiply(b, a, b.Length / 4, 4, a.Length / 4);
            Assert.InRange(TestAdapter.Distance(product, joined[name]) / TestAdapter.Norm(product), 0, 1e-6);
        }
        // An adapter with itself has cross terms that are its own: p = q makes four times a half's.
        Assert.All(Join(JoinMode.Linear, null, [0.5, 0.5], x, x).Modules, m => Assert.Equal(1, m.RelativeError, 1e-5));
    }

    [Fact]
    public void A_module_that_one_adapter_lacks_is_the_others_own()
    {
        ModelSource x = Adapter("x", 1, 4), y = TestAdapter.Peft(_folder["y"], """{"r":3}""", TestAdapter.PeftModule("c", 5, 9, 3, 8));
        AdapterResult result = Join(JoinMode.Cat, null, [1, 1], x, y);
        Assert.Equal(["a", "b", "c"], result.Modules.Select(m => m.Name));
        Assert.Equal([4, 4, 3], result.Modules.Select(m => m.Rank));
        Dictionary<string, double[]> joined = TestAdapter.Deltas(result.Path);
        Assert.All(Sum([1, 1], x, y), s => Assert.InRange(TestAdapter.Distance(s.Value, joined[s.Key]) / TestAdapter.Norm(s.Value), 0, 1e-6));
    }

    [Fact]
    public void What_makes_no_sum_is_refused()
    {
        ModelSource x = Adapter("x", 1, 4), y = Adapter("y", 2, 3), other = TestAdapter.Peft(_folder["z"], """{"r":3}""", TestAdapter.PeftModule("a", 5, 30, 3, 21));
        string Id(Action action) => Assert.Throws<LowRankToolsException>(action).ErrorId;
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(() => Join(JoinMode.Cat, null, [1, 1], x, other)));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Id(() => Join(JoinMode.Linear, null, [1, 1], x, y)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Join(JoinMode.Linear, null, [1, -1], x, x)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Join(JoinMode.Svd, null, [1, 1], x, y)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Join(JoinMode.Cat, new AdapterRank.Fixed(2), [1, 1], x, y)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Join(JoinMode.Cat, null, [1], x, y)));
        Assert.Equal(CoreErrors.OptionInvalid, Id(() => Join(JoinMode.Cat, null, [1], x)));
        Assert.False(Path.Exists(_folder["out"]));
    }
}
