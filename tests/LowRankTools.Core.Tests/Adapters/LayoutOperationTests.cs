using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>
/// Every layout that holds pairs times every operation on it: two modules that add the same in all layouts, against products by loops. The table
/// of docs/adapters.md is this class.
/// </summary>
public sealed class LayoutOperationTests : IDisposable
{
    private const int Wide = 30, Narrow = 20, Rank = 4;
    private const double Alpha = 6;
    private const string Up = "model.layers.0.mlp.up_proj", Down = "model.layers.0.mlp.down_proj";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<AdapterLayout> Layouts => [.. Enum.GetValues<AdapterLayout>()];

    public static TheoryData<AdapterLayout, AdapterLayout> Conversions
    {
        get
        {
            TheoryData<AdapterLayout, AdapterLayout> all = [];
            foreach (AdapterLayout from in Enum.GetValues<AdapterLayout>())
            {
                foreach (AdapterLayout to in Enum.GetValues<AdapterLayout>().Except([AdapterLayout.LoraLib]))
                    all.Add(from, to);
            }
            return all;
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void It_is_counted_and_checked_from_its_header(AdapterLayout layout)
    {
        ModelSource adapter = Make(layout);
        AdapterSummary summary = CountParameters.Run(adapter).Adapter!;
        Assert.Equal((layout, 2, Rank, Rank), (summary.Layout, summary.Modules, summary.LeastRank, summary.MostRank));
        AdapterCheck check = new CheckAdapter(AlphaOf(layout)).Run(adapter, BaseFor(layout));
        Assert.Equal((layout, 2, 2, 0), (check.Layout, check.Modules, check.FittingModules, check.Problems.Count));
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Merged_it_adds_its_delta_and_the_opposite_takes_it_out(AdapterLayout layout)
    {
        ModelSource adapter = Make(layout), model = BaseFor(layout);
        bool gguf = layout == AdapterLayout.Gguf;
        string first = _folder[gguf ? "one.gguf" : "one.safetensors"], second = _folder[gguf ? "two.gguf" : "two.safetensors"];
        ModelSource merged = new(new MergeAdapter(new() { OutputPath = first, Alpha = AlphaOf(layout) }).Run(model, adapter).Path, "merged");
        Dictionary<string, float[]> before = Weights(model), after = Weights(merged);
        foreach ((string module, double[] delta) in Expected())
            Assert.InRange(TestAdapter.Distance(delta, after[module].Zip(before[module], (x, y) => (double)x - y)) / TestAdapter.Norm(delta), 0, 1e-5);
        Dictionary<string, float[]> back = Weights(new(new MergeAdapter(new() { OutputPath = second, Alpha = AlphaOf(layout), Weight = -1 }).Run(merged, adapter).Path, "back"));
        Assert.All(before, b => Assert.InRange(TestAdapter.Distance(b.Value.Select(v => (double)v), back[b.Key].Select(v => (double)v)) / TestAdapter.Norm(b.Value.Select(v => (double)v)), 0, 1e-6));
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Resized_it_loses_the_values_left_out(AdapterLayout layout)
    {
        AdapterResult result = new ResizeAdapter(new AdapterRank.Fixed(2), Options(layout, "resized"), AlphaOf(layout)).Run(Make(layout));
        Dictionary<string, double[]> made = Deltas(result.Path, null);
        foreach ((string module, double[] delta) in Expected())
        {
            using Matrix<float> matrix = Matrix<float>.From(module == Up ? Wide : Narrow, module == Up ? Narrow : Wide, [.. delta.Select(v => (float)v)]);
            double[] values = SingularValues.Compute(matrix.View);
            Assert.Equal(TestAdapter.Norm(values.Skip(2)) / TestAdapter.Norm(values), TestAdapter.Distance(delta, made[module]) / TestAdapter.Norm(delta), 1e-5);
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Joined_with_itself_it_adds_the_weighted_sum(AdapterLayout layout)
    {
        ModelSource adapter = Make(layout);
        foreach (JoinMode mode in new[] { JoinMode.Cat, JoinMode.Svd })
        {
            AdapterResult result = new JoinAdapters(mode, mode == JoinMode.Svd ? new AdapterRank.Fixed(Rank) : null, Options(layout, $"joined-{mode}"), AlphaOf(layout)).Run([adapter, adapter], [1, 0.5]);
            Same(Expected().ToDictionary(e => e.Key, e => e.Value.Select(v => 1.5 * v).ToArray()), Deltas(result.Path, null));
        }
    }

    [Theory, MemberData(nameof(Conversions))]
    public void Converted_it_adds_what_it_did(AdapterLayout from, AdapterLayout to)
    {
        ModelSource? model = from == AdapterLayout.Gguf || to == AdapterLayout.Gguf ? BaseFor(AdapterLayout.Gguf) : null;
        AdapterResult result = Convert(Make(from), to, "converted", model, AlphaOf(from));
        Assert.Equal(to, result.Layout);
        Same(Expected(), Deltas(result.Path, null));
    }

    [Theory, MemberData(nameof(Layouts))]
    public void The_difference_of_two_models_is_exported_whole_at_its_rank(AdapterLayout layout)
    {
        if (layout == AdapterLayout.LoraLib)
        {
            Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(new AdapterOutputOptions { Layout = layout }.Validate).ErrorId);
            return;
        }
        ModelSource model = BaseFor(layout);
        ModelSource tuned = new(new MergeAdapter(new() { OutputPath = _folder[layout == AdapterLayout.Gguf ? "tuned.gguf" : "tuned.safetensors"] }).Run(model, Make(layout == AdapterLayout.Gguf ? layout : AdapterLayout.Peft)).Path, "tuned");
        AdapterResult result = new ExportAdapter(new() { Rank = new AdapterRank.Fixed(Rank), Output = Options(layout, "exported") with { Layout = layout } }).Run(tuned, model);
        Assert.Equal(layout, result.Layout);
        Same(Expected(), Deltas(result.Path, null), 1e-4);
    }

    private static double? AlphaOf(AdapterLayout layout) => layout == AdapterLayout.LoraLib ? Alpha : null;

    private static Dictionary<string, double[]> Expected() => new[] { (Up, 1, Wide, Narrow), (Down, 2, Narrow, Wide) }.ToDictionary(m => m.Item1, m =>
    {
        (float[] a, float[] b) = TestAdapter.Factors(m.Item2, m.Item3, Rank, m.Item4);
        return TestModel.Multiply(b, a, m.Item3, Rank, m.Item4).Select(v => v * Alpha / Rank).ToArray();
    });

    private static void Same(Dictionary<string, double[]> expected, Dictionary<string, double[]> found, double tolerance = 1e-5)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, e => Assert.InRange(TestAdapter.Distance(e.Value, found[e.Key]) / TestAdapter.Norm(e.Value), 0, tolerance));
    }

    // llama.cpp's names and PyTorch's; rows of these two have one order in both.
    private static string Module(string name) => name switch { "blk.0.ffn_up" => Up, "blk.0.ffn_down" => Down, _ => name };

    private static Dictionary<string, double[]> Deltas(string path, double? alpha)
    {
        using Adapter adapter = Adapter.Open(TestAdapter.Source(path), alpha);
        return adapter.Modules.ToDictionary(m => Module(m.Name), m =>
        {
            using AdapterFactors factors = AdapterFactors.Read(m, CancellationToken.None);
            return TestModel.Multiply(factors.B.ToArray(), factors.A.ToArray(), factors.B.Rows, factors.Rank, factors.A.Columns);
        }, StringComparer.Ordinal);
    }

    private static Dictionary<string, float[]> Weights(ModelSource model) =>
        TestModel.Read(model.Path).Where(t => t.Value.Shape.Length == 2).ToDictionary(t => Module(t.Key[..^".weight".Length]), t => t.Value.Values);

    private ModelSource BaseFor(AdapterLayout layout)
    {
        (string, long[], float[]) up = TestModel.Random("w", 11, Wide, Narrow), down = TestModel.Random("w", 12, Narrow, Wide);
        return layout == AdapterLayout.Gguf
            ? TestGguf.Model().With(("blk.0.ffn_up.weight", up.Item2, up.Item3)).With(("blk.0.ffn_down.weight", down.Item2, down.Item3)).With(TestModel.Random("output_norm.weight", 13, Narrow)).Write(_folder["base.gguf"])
            : new(TestModel.Write(_folder["base.safetensors"], (Up + ".weight", up.Item2, up.Item3), (Down + ".weight", down.Item2, down.Item3), TestModel.Random("model.norm.weight", 13, Narrow)), "base");
    }

    private AdapterOutputOptions Options(AdapterLayout layout, string name) => new()
    {
        OutputPath = _folder[layout switch { AdapterLayout.Gguf => name + ".gguf", AdapterLayout.OnnxRuntime => name + ".onnx_adapter", _ => name }], Force = true,
    };

    private AdapterResult Convert(ModelSource adapter, AdapterLayout to, string name, ModelSource? model, double? alpha) =>
        new ConvertAdapter(to == AdapterLayout.Lotr ? new AdapterRank.Fixed(Rank) : null, Options(to, name) with { Layout = to }, alpha).Run(adapter, model);

    private ModelSource Make(AdapterLayout layout)
    {
        (string, long[], float[])[] Named(Func<string, int, int, int, (string, long[], float[])[]> module) => [.. module(Up, 1, Wide, Narrow), .. module(Down, 2, Narrow, Wide)];
        switch (layout)
        {
            case AdapterLayout.Peft:
                return TestAdapter.Peft(_folder["peft"], $$"""{"r":{{Rank}},"lora_alpha":{{Alpha}}}""", Named((name, seed, outputs, inputs) => TestAdapter.PeftModule(name, seed, outputs, Rank, inputs)));
            case AdapterLayout.Kohya:
                return new(TestModel.Write(_folder["kohya.safetensors"], Named((name, seed, outputs, inputs) => TestAdapter.KohyaModule(name, seed, outputs, Rank, inputs, (float)Alpha))), "kohya");
            case AdapterLayout.LoraLib:
                return new(TestModel.Write(_folder["loralib.safetensors"], Named((name, seed, outputs, inputs) =>
                {
                    (float[] a, float[] b) = TestAdapter.Factors(seed, outputs, Rank, inputs);
                    return [(name + ".lora_A", [Rank, inputs], a), (name + ".lora_B", [outputs, Rank], b)];
                })), "loralib");
            default:
                AdapterResult made = Convert(Make(AdapterLayout.Peft), layout, $"made-{layout}", layout == AdapterLayout.Gguf ? BaseFor(layout) : null, null);
                return TestAdapter.Source(made.Path);
        }
    }
}
