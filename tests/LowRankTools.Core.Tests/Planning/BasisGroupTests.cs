using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

/// <summary>Which layers share a basis.</summary>
public sealed class BasisGroupTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, "0>, 1>0, 2>, 3>2, 4>")]
    [InlineData(3, "0>, 1>0, 2>0, 3>, 4>3")]
    [InlineData(9, "0>, 1>0, 2>0, 3>0, 4>0")]
    public void Neighbours_share_and_the_last_one_stays_alone(int size, string expected) =>
        Assert.Equal(expected, Groups(size, [.. Enumerable.Range(0, 5).Select(i => $"model.layers.{i}.q_proj.weight")], "model.layers.{0}.q_proj.weight"));

    [Fact]
    public void Blocks_count_as_numbers_in_whatever_order_the_file_has_them() =>
        Assert.Equal("0>, 1>0, 10>9, 11>9, 2>0, 3>, 4>3, 5>3, 6>, 7>6, 8>6, 9>", Groups(3, [.. Enumerable.Range(0, 12).Select(i => $"h.{i}.fc.weight").Order(StringComparer.Ordinal)], "h.{0}.fc.weight"));

    [Fact]
    public void The_first_number_that_finds_partners_counts() =>
        Assert.Equal("layer_0/net/0>, layer_0/net/1>, layer_1/net/0>layer_0/net/0, layer_1/net/1>layer_0/net/1, other/net/0>, other/net/1>other/net/0",
            Groups(2, ["layer_0/net/0", "layer_0/net/1", "layer_1/net/0", "layer_1/net/1", "other/net/0", "other/net/1"], "{0}"));

    [Fact]
    public void Gaps_other_shapes_and_what_is_left_out_part_layers()
    {
        string model = TestModel.Write(_folder["m.safetensors"], TestModel.Random("h.0.q.weight", 1, 20, 20), TestModel.Random("h.2.q.weight", 2, 20, 20), TestModel.Random("h.3.q.weight", 3, 20, 20),
            TestModel.Random("h.0.up.weight", 4, 20, 20), TestModel.Random("h.1.up.weight", 5, 20, 30), TestModel.Random("a1.weight", 6, 20, 20), TestModel.Random("a2.weight", 7, 20, 20));
        Assert.Equal(["h.2.q.weight"], Basis(model, 2, []).Values.Where(b => b is not null));
        Assert.DoesNotContain(Basis(model, 2, [LayerSelection.Pattern("h.3.*")]).Values, b => b is not null);
    }

    [Fact]
    public void Layers_that_are_to_keep_their_own_are_pairs()
    {
        string model = TestModel.Write(_folder["m.safetensors"], [.. Enumerable.Range(0, 2).SelectMany(i => new[] { TestModel.Random($"h.{i}.q.weight", i, 20, 20), TestModel.Random($"h.{i}.o.weight", 5 + i, 20, 20) })]);
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(3), ShareBasis = 2, ShareBasisExclude = [LayerSelection.Pattern("*.o")], OutputPath = _folder["out"] };
        FactorizationResult result = new FactorizeModel(options).Run(new ModelSource(model, "m"));
        Assert.Equal([null, "h.0.q.weight"], result.Layers.Where(l => l.Name.EndsWith("q.weight", StringComparison.Ordinal)).OrderBy(l => l.Name).Select(l => l.Basis));
        Assert.All(result.Layers, l => Assert.Equal(3, l.Rank));
        Assert.All(result.Layers.Where(l => l.Name.EndsWith("o.weight", StringComparison.Ordinal)), l => Assert.Null(l.Basis));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options with { ShareBasis = 0 }).Run(new ModelSource(model, "m"))).ErrorId);
    }

    private string Groups(int size, string[] names, string pattern)
    {
        string model = TestModel.Write(_folder["m.safetensors"], [.. names.Select((n, i) => TestModel.Random(n, i, 20, 20))]);
        string Short(string? name) => name is null ? "" : pattern == "{0}" ? name : name[pattern.IndexOf('{', StringComparison.Ordinal)..^(pattern.Length - pattern.IndexOf('}', StringComparison.Ordinal) - 1)];
        return string.Join(", ", Basis(model, size, []).Select(b => $"{Short(b.Key)}>{Short(b.Value)}"));
    }

    private Dictionary<string, string?> Basis(string model, int size, IReadOnlyList<Predicate<string>> exclude) =>
        new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(3), ShareBasis = size, WhatIf = true, OutputPath = _folder["out"], Selection = new LayerSelection { Exclude = exclude } })
            .Run(new ModelSource(model, "m")).Layers.ToDictionary(l => l.Name, l => l.Basis);
}
