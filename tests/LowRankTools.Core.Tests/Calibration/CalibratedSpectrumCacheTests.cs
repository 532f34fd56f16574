using LowRankTools.Core.Calibration;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics.Svd;
using static LowRankTools.Core.Tests.Calibration.CalibrationFiles;
using static LowRankTools.Core.Tests.Calibration.Dense;

namespace LowRankTools.Core.Tests.Calibration;

public sealed class CalibratedSpectrumCacheTests : IDisposable
{
    private static readonly CalibrationOptions s_full = new() { Path = "" };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CacheFolder Cache => new(_folder["cache"]);

    private string[] Entries => Directory.Exists(_folder["cache"]) ? Directory.GetFiles(_folder["cache"], "calibrated-*") : [];

    private CalibratedSpectrum Read(CacheFolder? cache, int weight = 1, int inputs = 3, double sensitivity = 1, CalibrationOptions? use = null, string layer = "fc")
    {
        string model = TestModel.Write(_folder["m.safetensors"], TestModel.Random($"{layer}.weight", weight, 20, 20));
        string calibration = Write(_folder["c.safetensors"], Gram(layer, Inputs(inputs, 20, 60)), Tensor($"{layer}.sensitivity", new double[,] { { sensitivity } }));
        using Model opened = Model.Open(new ModelSource(model, "m"));
        using CalibrationFile file = CalibrationFile.Open(calibration);
        return new CalibratedSpectra(opened, ModelFingerprint.Compute(opened.File), file, use ?? s_full, EngineChoice.Auto, SvdOptions.Default, cache).Run(opened.Layers, null, default).Single();
    }

    [Fact]
    public void What_was_computed_is_taken_from_the_cache_bit_for_bit()
    {
        CalibratedSpectrum none = Read(null), first = Read(Cache), second = Read(Cache);
        Assert.Equal(none.Values, first.Values);
        Assert.Equal(none.Values, second.Values);
        Assert.Equal((none.Weight, none.Weight), (first.Weight, second.Weight));
        Assert.Single(Entries);
    }

    [Fact]
    public void An_answer_does_come_from_the_cache()
    {
        Read(Cache);
        double[] planted = [7, .. Enumerable.Range(0, 20).Select(i => 1000.0 - i)];
        Assert.True(CacheFile.TryWrite(Entries.Single(), System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>(planted)));
        CalibratedSpectrum read = Read(Cache, layer: "renamed");
        Assert.Equal((7, 1000), (read.Weight, read.Values[0]));
    }

    [Fact]
    public void Whatever_it_depends_on_makes_another_entry()
    {
        CalibratedSpectrum[] all =
        [
            Read(Cache), Read(Cache, weight: 2), Read(Cache, inputs: 4), Read(Cache, sensitivity: 2),
            Read(Cache, use: s_full with { Mode = CalibrationMode.Diagonal }), Read(Cache, use: s_full with { Damping = 0.1 }),
        ];
        Assert.Equal(all.Length, Entries.Length);
        Assert.Equal(all.Length, all.Select(s => (s.Values[0], s.Weight)).Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(8 * 20)]
    public void An_entry_of_another_length_is_computed_again(int length)
    {
        CalibratedSpectrum expected = Read(Cache);
        Assert.True(CacheFile.TryWrite(Entries.Single(), new byte[length]));
        Assert.Equal(expected.Values, Read(Cache).Values);
    }

    [Fact]
    public void Which_way_a_weight_is_read_is_part_of_its_key()
    {
        string model = TestModel.Write(_folder["m.safetensors"], TestModel.Random("fc.weight", 1, 20, 20));
        using Model opened = Model.Open(new ModelSource(model, "m"));
        using CalibrationFile file = CalibrationFile.Open(Write(_folder["c.safetensors"], Gram("fc", Inputs(3, 20, 60))));
        ModelLayer layer = opened.Layers[0];
        ModelLayer[] layers = [layer, layer with { Shape = layer.Shape with { Orientation = WeightOrientation.InOut } }];
        CalibratedSpectrum[] spectra = [.. new CalibratedSpectra(opened, ModelFingerprint.Compute(opened.File), file, s_full, EngineChoice.Auto, SvdOptions.Default, Cache).Run(layers, null, default)];
        Assert.Equal(2, Entries.Length);
        Assert.NotEqual(spectra[0].Values, spectra[1].Values);
    }
}
