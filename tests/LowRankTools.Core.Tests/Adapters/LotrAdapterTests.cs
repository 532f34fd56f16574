using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;
using LowRankTools.Networks.Architectures;
using LowRankTools.Networks.Lora;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>Adapters whose layers of one shape share their outer factors: made, read, exported, converted, merged, run.</summary>
public sealed class LotrAdapterTests : IDisposable
{
    private static readonly LlamaConfig s_config = new() { Vocabulary = 40, Width = 32, Depth = 2, Heads = 4, KeyValueHeads = 2, HeadWidth = 8, Hidden = 48 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_new_one_changes_nothing_fits_and_is_counted_once()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        AdapterResult made = New(source, 4);
        Assert.Equal((AdapterLayout.Lotr, true), (made.Layout, made.Written));
        AdapterCheck check = new CheckAdapter().Run(TestAdapter.Source(made.Path), source);
        Assert.True(check.Fits, string.Join("; ", check.Problems.Select(p => p.Problem)));
        Assert.Equal((15, 4, 4, made.Parameters), (check.Modules, check.LeastRank, check.MostRank, check.Parameters));
        // Shapes 32x32, 16x32, 48x32, 32x48 and the head's 40x32; fifteen cores.
        Assert.Equal((4 * (64 + 48 + 80 + 80 + 72)) + (15 * 16), made.Parameters);
        ParameterCount count = CountParameters.Run(TestAdapter.Source(made.Path), detailed: true);
        Assert.Equal((new AdapterSummary(AdapterLayout.Lotr, 15, 4, 4), made.Parameters), (count.Adapter, count.Parameters));
        Assert.Equal(15, count.LayerShapes!.Count(l => l.AdapterFor is not null));
        Assert.All(count.LayerShapes!, l => Assert.Equal(4, l.Rank));
        MergeAdapterResult merged = new MergeAdapter(new() { OutputPath = _folder["merged"] }).Run(source, TestAdapter.Source(made.Path));
        Dictionary<string, (long[] Shape, float[] Values)> before = TestModel.Read(source.Path), after = TestModel.Read(merged.Path);
        Assert.All(before.Keys, name => Assert.Equal(before[name].Values, after[name].Values));
        Assert.Equal(File.ReadAllBytes(made.Path), File.ReadAllBytes(New(source, 4, "again.safetensors").Path));
        Assert.Equal(CoreErrors.RankExceedsLayer, Error(() => New(source, 17, "x.safetensors")));
    }

    [Fact]
    public void Deltas_with_common_sides_are_exported_whole_and_as_plain_pairs()
    {
        ModelSource model = Base(), adapter = Planted(), tuned = Merged(model, adapter, "tuned.safetensors");
        AdapterResult lotr = Export(tuned, model, new AdapterRank.Fixed(3), "out.safetensors");
        Assert.Equal(["a", "b", "c", "conv"], lotr.Modules.Select(m => m.Name));
        Assert.InRange(lotr.RelativeError, 0, 1e-5);
        Assert.Empty(lotr.NotCarried);
        Same(adapter.Path, lotr.Path, 1e-5);
        Assert.Equal([3, 3, 3, 3], Export(tuned, model, new AdapterRank.Energy(1 - 1e-9), "energy.safetensors").Modules.Select(m => m.Rank));

        // B_i = L M_i and A = R, and the same merged model.
        AdapterResult pairs = Convert(TestAdapter.Source(lotr.Path), AdapterLayout.Peft, null, "peft");
        Assert.Equal((0.0, AdapterLayout.Peft), (pairs.RelativeError, pairs.Layout));
        Same(lotr.Path, pairs.Path, 1e-6);
        Assert.True(pairs.Parameters > lotr.Parameters);
        Dictionary<string, (long[] Shape, float[] Values)> expected = TestModel.Read(tuned.Path);
        foreach (string path in (string[])[lotr.Path, pairs.Path])
        {
            string again = Merged(model, TestAdapter.Source(path), "again.safetensors").Path;
            Assert.All(TestModel.Read(again), t => Assert.InRange(TestModel.RelativeError(expected[t.Key].Values, [.. t.Value.Values.Select(v => (double)v)]), 0, 1e-5));
        }

        // And back from pairs, whose deltas have common sides.
        AdapterResult back = Convert(TestAdapter.Source(pairs.Path), AdapterLayout.Lotr, new AdapterRank.Fixed(3), "back.safetensors");
        Assert.InRange(back.RelativeError, 0, 1e-6);
        Assert.Equal(lotr.Parameters, back.Parameters);
        Same(lotr.Path, back.Path, 1e-5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_is_left_out_is_said_and_no_more_than_by_the_best_common_sides_alone(int rank)
    {
        ModelSource model = Base(), tuned = Merged(model, Planted(), "tuned.safetensors");
        AdapterResult result = Export(tuned, model, new AdapterRank.Fixed(rank), "out.safetensors");
        Dictionary<string, double[]> kept = TestAdapter.Deltas(result.Path), whole = TestAdapter.Deltas(Planted().Path);
        double lost = Math.Sqrt(whole.Sum(d => Math.Pow(TestAdapter.Distance(d.Value, kept[d.Key]), 2))), norm = Math.Sqrt(whole.Sum(d => Math.Pow(TestAdapter.Norm(d.Value), 2)));
        Assert.Equal(lost / norm, result.RelativeError, 1e-5);
        Assert.InRange(result.RelativeError, 0.05, 1);
        foreach (AdapterModuleResult module in result.Modules)
            Assert.Equal(TestAdapter.Distance(whole[module.Name], kept[module.Name]) / TestAdapter.Norm(whole[module.Name]), module.RelativeError, 1e-5);
        // Separate pairs of this rank lose no more than common factors of it.
        double apart = new ExportAdapter(new() { Rank = new AdapterRank.Fixed(rank), Output = new() { OutputPath = _folder["pairs"] } }).Run(tuned, model).RelativeError;
        Assert.InRange(result.RelativeError, apart - 1e-6, 1);
    }

    [Fact]
    public void A_network_runs_it_beside_its_weights_as_it_runs_the_merged_model()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]), other = new ModelFolder(s_config) { Seed = 3 }.Write(_folder["other"]);
        AdapterResult lotr = new ExportAdapter(new() { Rank = new AdapterRank.Fixed(4), Output = new() { OutputPath = _folder["a.safetensors"], Layout = AdapterLayout.Lotr } }).Run(other, source);
        AdapterResult pairs = Convert(TestAdapter.Source(lotr.Path), AdapterLayout.Peft, null, "pairs");
        ModelSource merged = TestAdapter.Source(new MergeAdapter(new() { OutputPath = _folder["merged"] }).Run(source, TestAdapter.Source(lotr.Path)).Path);
        double[] plain = Scores(source, null), expected = Scores(merged, null);
        Assert.InRange(TestAdapter.Distance(Scores(source, TestAdapter.Source(lotr.Path)), expected) / TestAdapter.Norm(expected), 0, 1e-5);
        Assert.InRange(TestAdapter.Distance(Scores(source, TestAdapter.Source(pairs.Path)), expected) / TestAdapter.Norm(expected), 0, 1e-5);
        Assert.True(TestAdapter.Distance(plain, expected) > 0.01 * TestAdapter.Norm(expected));
        using RunnableModel model = RunnableModel.Open(source, TestAdapter.Source(lotr.Path), new EmbeddedEngine()), alone = RunnableModel.Open(source);
        Assert.Equal(alone.Parameters + lotr.Parameters, model.Parameters);
    }

    [Fact]
    public void A_trained_network_is_saved_in_the_names_that_are_read()
    {
        ModelSource source = new ModelFolder(s_config).Write(_folder["model"]);
        using RunnableModel model = RunnableModel.Open(source);
        model.Network.AddLotr(model.Engine, new LoraOptions(3), ["q_proj", "down_proj"]);
        ulong seed = 5;
        foreach (LotrLinear layer in model.Network.LoraLayers().Cast<LotrLinear>())
            layer.Core.Value = model.Engine.Random(seed++, 3, 3);
        string path = TestModel.Write(_folder["trained.safetensors"], [.. model.Network.LotrStateDict().Select(p =>
            (p.Name, p.Parameter.Shape.Select(s => (long)s).ToArray(), model.Engine.ToArray(p.Parameter.Value).Select(v => (float)v).ToArray()))]);
        // Saved with alpha 1 over rank 3, which the file does not say.
        double[] scores = Scores(model);
        string scaled = TestModel.Write(_folder["scaled.safetensors"], [.. TestModel.Read(path).Select(t => (t.Key, t.Value.Shape, t.Value.Values)), ("lotr_alpha.32x32", [], [1f]), ("lotr_alpha.32x48", [], [1f])]);
        Assert.InRange(TestAdapter.Distance(Scores(source, TestAdapter.Source(scaled)), scores) / TestAdapter.Norm(scores), 0, 1e-5);
    }

    [Fact]
    public void Files_that_are_no_adapter_of_this_kind_are_refused()
    {
        (string Name, long[] Shape, float[] Values) l = TestModel.Random("lotr_L.6x5", 1, 6, 2), r = TestModel.Random("lotr_R.6x5", 2, 3, 5), m = TestModel.Random("fc.lotr_M.6x5", 3, 2, 3);
        using (Adapter good = Open(l, m, r))
            Assert.Equal((1, 3, 1.0), (good.Modules.Count, good.Modules[0].Rank, good.Modules[0].Scaling));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(l, m)));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(m, r)));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(l, r, TestModel.Random("fc.lotr_M.6x5", 3, 3, 2))));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(l, r, m, TestModel.Random("lotr_L.7x5", 1, 7, 2))));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(l, r, m, TestModel.Random("fc.lotr_M.other", 3, 2, 3))));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(l, r, m, ("lotr_alpha.6x5", [2], [1f, 2f]))));
        Assert.Equal(CoreErrors.AdapterInvalid, Error(() => Open(l, r, TestModel.Random("fc.lotr_M.6x5", 3, 2, 3, 1))));
        Assert.Equal(CoreErrors.NotAnAdapter, Error(() => Open(l, r)));
        Assert.Equal(CoreErrors.AdapterPartNotCarried, Error(() => Convert(new ModelSource(Write([l, r, m, TestModel.Random("fc.bias", 1, 6)]), "x"), AdapterLayout.Kohya, null, "k.safetensors")));
        ModelSource pair = new(TestModel.Write(_folder["p.safetensors"], TestAdapter.KohyaModule("fc", 1, 6, 2, 5, 2)), "p");
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(pair, AdapterLayout.Lotr, null, "k.safetensors")));
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(pair, AdapterLayout.Lotr, new AdapterRank.Ratio(2), "k.safetensors")));
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => new ResizeAdapter(new AdapterRank.Fixed(1), new() { Layout = AdapterLayout.Lotr, OutputPath = _folder["k.safetensors"] }).Run(pair)));
        Assert.Equal(CoreErrors.AdapterUnsupported, Error(() => new NewAdapter(new() { Rank = 2, Selection = new() { IncludeEmbedding = true }, Output = new() { Layout = AdapterLayout.Lotr } }).Run(new ModelFolder(s_config).Write(_folder["model"]))));
        Assert.False(File.Exists(_folder["k.safetensors"]));
    }

    private AdapterResult New(ModelSource source, int rank, string name = "new.safetensors") =>
        new NewAdapter(new() { Rank = rank, Output = new() { OutputPath = _folder[name], Layout = AdapterLayout.Lotr } }).Run(source);

    private AdapterResult Export(ModelSource tuned, ModelSource model, AdapterRank rank, string name) =>
        new ExportAdapter(new() { Rank = rank, Output = new() { OutputPath = _folder[name], Layout = AdapterLayout.Lotr } }).Run(tuned, model);

    private AdapterResult Convert(ModelSource source, AdapterLayout layout, AdapterRank? rank, string name) =>
        new ConvertAdapter(rank, new() { OutputPath = _folder[name], Layout = layout, Force = true }).Run(source, null);

    private ModelSource Merged(ModelSource model, ModelSource adapter, string name) =>
        new(new MergeAdapter(new() { OutputPath = _folder[name], Force = true }).Run(model, adapter).Path, Path.GetFileNameWithoutExtension(name));

    private ModelSource Base() => new(TestModel.Write(_folder["base.safetensors"], TestModel.Random("a.weight", 1, 24, 16), TestModel.Random("b.weight", 2, 24, 16), TestModel.Random("c.weight", 3, 24, 16),
        TestModel.Random("conv.weight", 5, 12, 5, 3, 3), TestModel.Random("same.weight", 7, 9, 9)), "base");

    private ModelSource Planted() => new(Write([TestModel.Random("lotr_L.24x16", 11, 24, 3), TestModel.Random("lotr_R.24x16", 12, 3, 16), TestModel.Random("a.lotr_M.24x16", 13, 3, 3), TestModel.Random("b.lotr_M.24x16", 14, 3, 3),
        TestModel.Random("c.lotr_M.24x16", 15, 3, 3), TestModel.Random("lotr_L.conv", 16, 12, 3), TestModel.Random("lotr_R.conv", 17, 3, 5, 3, 3), TestModel.Random("conv.lotr_M.conv", 18, 3, 3)]), "planted");

    private Adapter Open(params (string Name, long[] Shape, float[] Values)[] tensors) => Adapter.Open(new ModelSource(Write(tensors), "x"));

    private string Write((string Name, long[] Shape, float[] Values)[] tensors) => TestModel.Write(_folder["planted.safetensors"], tensors);

    private static void Same(string first, string second, double tolerance)
    {
        Dictionary<string, double[]> x = TestAdapter.Deltas(first), y = TestAdapter.Deltas(second);
        Assert.Equal(x.Keys.Order(), y.Keys.Order());
        Assert.All(x, d => Assert.InRange(TestAdapter.Distance(d.Value, y[d.Key]) / TestAdapter.Norm(d.Value), 0, tolerance));
    }

    private static double[] Scores(ModelSource source, ModelSource? adapter)
    {
        using RunnableModel model = RunnableModel.Open(source, adapter, new EmbeddedEngine());
        return Scores(model);
    }

    private static double[] Scores(RunnableModel model)
    {
        using NetworkOutput output = model.Forward(NetworkBatch.MadeUp(model.Config, 2, 9));
        return model.Engine.ToArray(output.Logits!);
    }

    private static string Error(Action action) => Assert.Throws<LowRankToolsException>(action).ErrorId;
}
