using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Spectra;

public sealed class LayerSpectrumTests : IDisposable
{
    private static readonly double[] s_values = [8, 4, 2, 1, 0.5, 0.25];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private LayerSpectrum[] Measure(SpectrumOptions options, params (string Name, long[] Shape, float[] Values)[] tensors) =>
        [.. new MeasureSpectra(options).Run(new ModelSource(TestModel.Write(_folder["m.safetensors"], tensors), "m"))];

    [Theory]
    [InlineData(20, 6)]
    [InlineData(6, 20)]
    [InlineData(9, 9)]
    public void A_spectrum_has_the_values_that_the_matrix_was_made_of(int rows, int columns)
    {
        LayerSpectrum spectrum = Assert.Single(Measure(new SpectrumOptions(), TestModel.WithSpectrum("fc.weight", 1, rows, columns, s_values)));
        double energy = s_values.Sum(s => s * s), sum = s_values.Sum();
        Assert.Equal(Math.Min(rows, columns), spectrum.SingularValues.Count);
        for (int k = 0; k < s_values.Length; k++)
        {
            Assert.Equal(s_values[k], spectrum.SingularValues[k], 5);
            Assert.Equal(s_values.Take(k + 1).Sum(s => s * s) / energy, spectrum.Energy[k], 6);
        }
        Assert.Equal(Math.Sqrt(energy), spectrum.FrobeniusNorm, 5);
        Assert.Equal(8, spectrum.SpectralNorm, 5);
        Assert.Equal(energy / 64, spectrum.StableRank, 5);
        Assert.Equal(Math.Exp(-s_values.Sum(s => s / sum * Math.Log(s / sum))), spectrum.EffectiveRank, 4);
        Assert.Equal((2, 3, 4), (spectrum.Rank90, spectrum.Rank95, spectrum.Rank99));
        Assert.Equal(RankBounds.BreakEven(rows, columns), spectrum.BreakEvenRank);
        Assert.Equal(spectrum.BreakEvenRank >= 3 ? LayerSuggestion.Factorize : LayerSuggestion.Keep, spectrum.Suggestion);
    }

    [Fact]
    public void A_flat_spectrum_has_full_rank_by_every_measure_and_is_kept()
    {
        LayerSpectrum spectrum = Assert.Single(Measure(new SpectrumOptions(), TestModel.WithSpectrum("fc.weight", 1, 12, 12, [.. Enumerable.Repeat(3.0, 12)])));
        Assert.Equal(12, spectrum.StableRank, 4);
        Assert.Equal(12, spectrum.EffectiveRank, 4);
        Assert.Equal((11, 12, 12, LayerSuggestion.Keep), (spectrum.Rank90, spectrum.Rank95, spectrum.Rank99, spectrum.Suggestion));
    }

    [Fact]
    public void A_zero_matrix_has_no_rank_and_needs_one()
    {
        LayerSpectrum spectrum = Assert.Single(Measure(new SpectrumOptions(), ("fc.weight", [8, 8], new float[64])));
        Assert.Equal((0.0, 0.0, 0.0, 1), (spectrum.FrobeniusNorm, spectrum.StableRank, spectrum.EffectiveRank, spectrum.Rank99));
        Assert.All(spectrum.Energy, e => Assert.Equal(1, e));
    }

    [Fact]
    public void The_largest_values_alone_are_listed_and_all_are_measured()
    {
        (string, long[], float[]) weight = TestModel.WithSpectrum("fc.weight", 1, 20, 6, s_values);
        LayerSpectrum all = Measure(new SpectrumOptions(), weight)[0], top = Measure(new SpectrumOptions { Top = 2 }, weight)[0];
        Assert.Equal(all.SingularValues.Take(2), top.SingularValues);
        Assert.Equal(all.Energy.Take(2), top.Energy);
        Assert.Equal((all.EffectiveRank, all.Rank99), (top.EffectiveRank, top.Rank99));
    }

    [Fact]
    public void Layers_are_chosen_as_for_factorization_and_a_shared_storage_is_measured_once()
    {
        Dictionary<string, string> tie = new() { ["lm_head.weight"] = "wte.weight" };
        ModelSource model = new(TestModel.Write(_folder["t.safetensors"], tie, TestModel.Random("wte.weight", 1, 30, 8), TestModel.Random("fc.weight", 2, 9, 8), TestModel.Random("conv.weight", 3, 4, 4, 3, 3)), "t");
        Assert.Equal(["fc.weight"], Names(new SpectrumOptions()));
        Assert.Equal(["wte.weight", "fc.weight"], Names(new SpectrumOptions { Selection = new LayerSelection { IncludeEmbedding = true } }).Order().Reverse());
        Assert.Equal(CoreErrors.LayerNotFound, Assert.Throws<LowRankToolsException>(() => Names(new SpectrumOptions { Selection = new LayerSelection { Names = new HashSet<string> { "x" } } })).ErrorId);

        string[] Names(SpectrumOptions options) => [.. new MeasureSpectra(options).Run(model).Select(s => s.Name)];
    }

    [Fact]
    public void Values_that_are_no_numbers_are_refused_by_the_layers_name()
    {
        (string Name, long[] Shape, float[] Values) weight = TestModel.Random("fc.weight", 1, 6, 6);
        weight.Values[7] = float.NaN;
        LowRankToolsException error = Assert.Throws<LowRankToolsException>(() => Measure(new SpectrumOptions(), weight));
        Assert.Equal(CoreErrors.NonFiniteValues, error.ErrorId);
        Assert.Contains("fc.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        (string, long[], float[])[] weights = [.. Enumerable.Range(0, 6).Select(i => TestModel.Random($"l{i}.weight", i, 40 + i, 30))];
        LayerSpectrum[][] runs = [.. new[] { 1, 2, 5 }.Select(threads => Measure(new SpectrumOptions { UseCache = false, Svd = new SvdOptions { ThreadCount = threads } }, weights))];
        for (int i = 0; i < weights.Length; i++)
            Assert.All(runs, run => Assert.Equal(runs[0][i].SingularValues, run[i].SingularValues));
    }
}
