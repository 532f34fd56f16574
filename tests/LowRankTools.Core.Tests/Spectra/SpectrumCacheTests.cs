using System.Runtime.InteropServices;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Spectra;

public sealed class SpectrumCacheTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CacheFolder Cache => new(_folder["cache"]);

    private string ModelPath => _folder["m.safetensors"];

    private void Write(int seed = 1, bool old = true)
    {
        TestModel.Write(ModelPath, TestModel.Random("a.weight", seed, 60, 50), TestModel.Random("b.weight", 2, 10, 12));
        if (old)
            File.SetLastWriteTimeUtc(ModelPath, new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc));
    }

    private Dictionary<string, double[]> Read(CacheFolder? cache)
    {
        using Model model = Model.Open(new ModelSource(ModelPath, "m"));
        SpectrumReader reader = new(model, ModelFingerprint.Compute(model.File), EngineChoice.Auto, SvdOptions.Default, cache);
        return reader.Run([.. model.Layers], "Testing", null, default).ToDictionary(r => r.Layer.Shape.Name, r => r.Values);
    }

    private string[] Entries(string kind) => Directory.Exists(_folder["cache"]) ? Directory.GetFiles(_folder["cache"], kind + "-*") : [];

    /// <summary>Puts other values in place of a kept spectrum, so that a test sees where an answer comes from.</summary>
    private double[] Plant(int length)
    {
        double[] planted = [.. Enumerable.Range(0, length).Select(i => 1000.0 - i)];
        string entry = Entries("spectrum").Single(e => new FileInfo(e).Length == 16 + 8 * length);
        Assert.True(CacheFile.TryWrite(entry, MemoryMarshal.AsBytes<double>(planted)));
        return planted;
    }

    [Fact]
    public void What_was_computed_is_taken_from_the_cache_bit_for_bit()
    {
        Write();
        Dictionary<string, double[]> none = Read(null), first = Read(Cache), second = Read(Cache);
        Assert.Equal(none["a.weight"], first["a.weight"]);
        Assert.Equal(none["a.weight"], second["a.weight"]);
        Assert.Equal((2, 1), (Entries("spectrum").Length, Entries("keys").Length));
        Assert.Equal(Plant(50), Read(Cache)["a.weight"]);
    }

    [Fact]
    public void The_same_tensor_in_another_file_is_known()
    {
        Write();
        Read(Cache);
        double[] planted = Plant(50);
        File.Move(ModelPath, _folder["moved.safetensors"]);
        File.Copy(_folder["moved.safetensors"], ModelPath);
        Assert.Equal(planted, Read(Cache)["a.weight"]);
    }

    [Fact]
    public void A_changed_tensor_is_computed_and_the_others_are_known()
    {
        Write();
        Read(Cache);
        double[] planted = Plant(10);
        Write(seed: 7);
        Dictionary<string, double[]> changed = Read(Cache);
        Assert.Equal(Read(null)["a.weight"], changed["a.weight"]);
        Assert.Equal(planted, changed["b.weight"]);
    }

    [Fact]
    public void One_changed_number_is_seen_where_the_time_of_change_tells_it_and_where_no_sample_does()
    {
        Write();
        Read(Cache);
        double[] planted = Plant(50);
        byte[] bytes = File.ReadAllBytes(ModelPath);
        // Between two samples of the 12,000 bytes of a.weight: the fingerprint is the same.
        int start = bytes.Length - 60 * 50 * 4 - 10 * 12 * 4;
        BitConverter.TryWriteBytes(bytes.AsSpan(start + 1200), 77f);
        string before = Fingerprint();
        File.WriteAllBytes(ModelPath, bytes);
        File.SetLastWriteTimeUtc(ModelPath, new DateTime(2024, 1, 1, 0, 0, 1, DateTimeKind.Utc));
        Assert.Equal(before, Fingerprint());
        double[] values = Read(Cache)["a.weight"];
        Assert.NotEqual(planted, values);
        Assert.Equal(Read(null)["a.weight"], values);

        string Fingerprint()
        {
            using Model model = Model.Open(new ModelSource(ModelPath, "m"));
            return ModelFingerprint.Compute(model.File);
        }
    }

    [Fact]
    public void A_change_that_keeps_length_and_time_is_seen_in_the_samples()
    {
        Write();
        Read(Cache);
        double[] planted = Plant(50);
        Write(seed: 8);
        Assert.NotEqual(planted, Read(Cache)["a.weight"]);
    }

    [Fact]
    public void Nothing_is_remembered_of_a_file_that_is_too_young_to_tell_a_second_change()
    {
        Write(old: false);
        Read(Cache);
        Assert.Empty(Entries("keys"));
        Assert.Equal(Plant(50), Read(Cache)["a.weight"]); // hashed again, and known
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 0)]
    [InlineData(416, 7)]
    [InlineData(416, 12)]
    [InlineData(416, 20)]
    [InlineData(416, 415)]
    [InlineData(2000, 0)]
    public void A_damaged_entry_is_computed_again(int length, int flipped)
    {
        Write();
        double[] expected = Read(Cache)["a.weight"];
        foreach (string entry in Entries(""))
        {
            byte[] bytes = File.ReadAllBytes(entry);
            Array.Resize(ref bytes, length == 416 ? bytes.Length : length);
            if (bytes.Length > 0)
                bytes[Math.Min(flipped, bytes.Length - 1)] ^= 0x10;
            File.WriteAllBytes(entry, bytes);
        }
        Assert.Equal(expected, Read(Cache)["a.weight"]);
        Assert.Equal(Plant(50), Read(Cache)["a.weight"]); // and kept again
    }

    [Fact]
    public void Values_that_are_no_spectrum_of_the_layer_are_not_believed()
    {
        Write();
        double[] expected = Read(Cache)["a.weight"];
        string entry = Entries("spectrum").Single(e => new FileInfo(e).Length == 16 + 8 * 50);
        foreach (double[] wrong in new double[][] { [1, 2, 3], [double.NaN, .. new double[49]], [.. new double[49], 1.0], [-1.0, .. new double[49]] })
        {
            Assert.True(CacheFile.TryWrite(entry, MemoryMarshal.AsBytes<double>(wrong)));
            Assert.Equal(expected, Read(Cache)["a.weight"]);
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_makes_nothing_wrong()
    {
        Write();
        File.WriteAllText(_folder["cache"], "a file in its place");
        Assert.Equal(Read(null)["a.weight"], Read(Cache)["a.weight"]);
    }

    [Fact]
    public void What_was_used_longest_ago_goes_first_and_nothing_that_is_not_ours()
    {
        Directory.CreateDirectory(_folder["cache"]);
        File.WriteAllText(_folder["cache/thesis.txt"], new string('x', 5000));
        CacheFolder cache = new(_folder["cache"], maxBytes: 1000);
        for (int i = 0; i < 6; i++)
        {
            cache.Write($"e{i}", new byte[200]);
            File.SetLastWriteTimeUtc(_folder[$"cache/e{i}.lowrank-cache"], DateTime.UtcNow.AddDays(i - 10));
        }
        Assert.NotNull(cache.Read("e0")); // used now: the oldest is e1
        File.WriteAllText(_folder["cache/e9.lowrank-cache.zzz.tmp"], "left by a crash");
        File.SetLastWriteTimeUtc(_folder["cache/e9.lowrank-cache.zzz.tmp"], DateTime.UtcNow.AddDays(-1));
        cache.Trim();
        Assert.Equal(["e0.lowrank-cache", "e4.lowrank-cache", "e5.lowrank-cache", "thesis.txt"], Directory.GetFiles(_folder["cache"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Many_readers_and_writers_of_one_folder_agree()
    {
        Write();
        double[] expected = Read(null)["a.weight"];
        Parallel.For(0, 16, i =>
        {
            CacheFolder small = new(_folder["cache"], maxBytes: i % 2 == 0 ? 600 : 1 << 20);
            Assert.Equal(expected, Read(small)["a.weight"]);
        });
    }

    [Fact]
    public void The_folder_is_the_one_that_the_environment_names()
    {
        // Other tests use that folder meanwhile, so what is looked for has a name that nobody else gives.
        string name = "spectrum-" + Path.GetRandomFileName();
        CacheFolder.OfUser()!.Write(name, [1, 2, 3]);
        Assert.Equal([1, 2, 3], new CacheFolder(LowRankTools.Tests.TestCache.Folder).Read(name)!);
    }

    [Fact]
    public void Plans_are_made_from_what_the_folder_keeps()
    {
        Write();
        PlanOptions options = new() { Rule = new RankRule.TargetReduction(2) };
        RankPlan first = new MakePlan(options).Run(new ModelSource(ModelPath, "m"));
        RankPlan second = new MakePlan(options).Run(new ModelSource(ModelPath, "m"));
        RankPlan uncached = new MakePlan(options with { UseCache = false }).Run(new ModelSource(ModelPath, "m"));
        Assert.Equal(uncached.Layers.Select(l => l.Rank), first.Layers.Select(l => l.Rank));
        Assert.Equal(uncached.Layers.Select(l => l.Rank), second.Layers.Select(l => l.Rank));
    }
}
