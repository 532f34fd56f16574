using System.Globalization;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tests.Adapters;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Gguf;

/// <summary>Adapters for GGUF models: PyTorch's names and order of rows become llama.cpp's, and back, against loops of this file's own.</summary>
public sealed class GgufAdapterTests : IDisposable
{
    private const int Width = 16, KeyWidth = 8, Inner = 24;
    private const string Config = """{"r":4,"lora_alpha":6,"rank_pattern":{"down_proj":2},"alpha_pattern":{"down_proj":5}}""";

    private static readonly (string Module, string Tensor, int Out, int In, int Heads)[] s_weights =
    [
        ("model.layers.0.self_attn.q_proj", "blk.0.attn_q.weight", Width, Width, TestGguf.Heads), ("model.layers.0.self_attn.k_proj", "blk.0.attn_k.weight", KeyWidth, Width, TestGguf.KeyHeads),
        ("model.layers.0.self_attn.v_proj", "blk.0.attn_v.weight", KeyWidth, Width, 0), ("model.layers.1.mlp.down_proj", "blk.1.ffn_down.weight", Width, Inner, 0),
    ];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>PyTorch's weights, as the converter of llama.cpp stores them.</summary>
    private ModelSource Base(string architecture = "llama")
    {
        GgufBuilder builder = TestGguf.Model(architecture);
        for (int i = 0; i < s_weights.Length; i++)
            builder.With((s_weights[i].Tensor, [s_weights[i].Out, s_weights[i].In], Stored(i, Weight(i), architecture == "llama")));
        return builder.With(TestModel.Random("token_embd.weight", 50, 30, Width)).With(TestModel.Random("output_norm.weight", 51, Width)).Write(_folder[$"{architecture}.gguf"]);
    }

    private static float[] Weight(int i) => TestModel.Random("w", 10 + i, s_weights[i].Out, s_weights[i].In).Values;

    private static float[] Stored(int i, float[] values, bool turned = true) =>
        turned && s_weights[i].Heads > 0 ? TestGguf.Interleave(values, s_weights[i].Out, s_weights[i].In, s_weights[i].Heads) : values;

    private static int RankOf(int i) => i == 3 ? 2 : 4;

    private ModelSource Peft() => TestAdapter.Peft(_folder["peft"], Config, [.. Enumerable.Range(0, s_weights.Length).SelectMany(i =>
        TestAdapter.PeftModule(s_weights[i].Module, 100 + i, s_weights[i].Out, RankOf(i), s_weights[i].In))]);

    /// <summary>W + s B A by loops, in PyTorch's order.</summary>
    private static float[] Adapted(int i)
    {
        (int rank, int outputs, int inputs) = (RankOf(i), s_weights[i].Out, s_weights[i].In);
        (float[] a, float[] b) = TestAdapter.Factors(100 + i, outputs, rank, inputs);
        double scale = i == 3 ? 5.0 / 2 : 6.0 / 4;
        return [.. Weight(i).Zip(TestModel.Multiply(b, a, outputs, rank, inputs), (w, d) => (float)(w + scale * d))];
    }

    private static void Close(float[] expected, float[] actual) =>
        Assert.InRange(TestModel.RelativeError(expected, [.. actual.Select(v => (double)v)]), 0, 1e-6);

    private AdapterResult Convert(ModelSource adapter, string output, ModelSource? model, AdapterLayout? layout = null, AdapterRank? rank = null) =>
        new ConvertAdapter(rank, new AdapterOutputOptions { OutputPath = _folder[output], Layout = layout, Force = true }).Run(adapter, model);

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void An_adapter_of_PEFT_merged_into_GGUF_is_the_merged_model_converted(string architecture)
    {
        ModelSource model = Base(architecture);
        MergeAdapterResult result = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["m.gguf"] }).Run(model, Peft());
        Dictionary<string, (long[] Shape, float[] Values)> merged = TestModel.Read(result.Path);
        for (int i = 0; i < s_weights.Length; i++)
            Close(Stored(i, Adapted(i), architecture == "llama"), merged[s_weights[i].Tensor].Values);
        Assert.Equal(TestModel.Read(model.Path)["token_embd.weight"].Values, merged["token_embd.weight"].Values);
        Assert.Equal(TestGguf.Metadata(model.Path), TestGguf.Metadata(result.Path));
        Assert.Equal(s_weights.Length, result.MergedLayers);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void LoHa_becomes_the_GGUF_adapter_that_its_pairs_become(string architecture)
    {
        ModelSource model = Base(architecture), loha = new(TestModel.Write(_folder["loha.safetensors"], [.. Enumerable.Range(0, s_weights.Length).SelectMany(i => new[]
        {
            TestModel.Random($"{s_weights[i].Module}.hada_w1_a", 200 + i, s_weights[i].Out, 2), TestModel.Random($"{s_weights[i].Module}.hada_w1_b", 210 + i, 2, s_weights[i].In),
            TestModel.Random($"{s_weights[i].Module}.hada_w2_a", 220 + i, s_weights[i].Out, 2), TestModel.Random($"{s_weights[i].Module}.hada_w2_b", 230 + i, 2, s_weights[i].In),
        })]), "loha");
        AdapterRank three = new AdapterRank.Fixed(3);
        AdapterResult pairs = Convert(loha, "pairs", null, AdapterLayout.Peft, three), there = Convert(new ModelSource(pairs.Path, "pairs"), "two.gguf", model), at = Convert(loha, "one.gguf", model, rank: three);
        Assert.Equal(File.ReadAllBytes(there.Path), File.ReadAllBytes(at.Path));
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Convert(loha, "none.gguf", null, rank: three)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Convert(loha, "peft", model, AdapterLayout.Peft, three)).ErrorId);
    }

    [Fact]
    public void Converted_to_GGUF_it_says_what_llama_cpp_asks_for_and_merges_alike()
    {
        ModelSource model = Base();
        AdapterResult result = Convert(Peft(), "a.gguf", model);
        Assert.Equal((AdapterLayout.Gguf, 0.0), (result.Layout, result.RelativeError));
        IReadOnlyDictionary<string, string> says = TestGguf.Metadata(result.Path);
        Assert.Equal(("adapter", "lora", "llama", "4"), (says["general.type"], says["adapter.type"], says["general.architecture"], says["adapter.lora.alpha"]));
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(result.Path);
        Assert.Equal(s_weights.SelectMany(w => new[] { w.Tensor + ".lora_a", w.Tensor + ".lora_b" }), tensors.Keys);
        for (int i = 0; i < s_weights.Length; i++)
        {
            // llama.cpp: W x + (alpha / r) B (A x), one alpha for all modules.
            (long[] shape, float[] a) = tensors[s_weights[i].Tensor + ".lora_a"];
            double scale = float.Parse(says["adapter.lora.alpha"], CultureInfo.InvariantCulture) / shape[0];
            double[] delta = TestModel.Multiply(tensors[s_weights[i].Tensor + ".lora_b"].Values, a, s_weights[i].Out, (int)shape[0], s_weights[i].In);
            Close(Stored(i, Adapted(i)), [.. Stored(i, Weight(i)).Zip(delta, (w, d) => (float)(w + scale * d))]);
        }
        MergeAdapterResult merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["m.gguf"] }).Run(model, TestAdapter.Source(result.Path));
        for (int i = 0; i < s_weights.Length; i++)
            Close(Stored(i, Adapted(i)), TestModel.Read(merged.Path)[s_weights[i].Tensor].Values);
    }

    [Fact]
    public void There_and_back_every_module_has_its_name_and_adds_what_it_did()
    {
        ModelSource model = Base(), adapter = Peft();
        AdapterResult there = Convert(adapter, "a.gguf", model), back = Convert(TestAdapter.Source(there.Path), "back", model, AdapterLayout.Peft);
        Dictionary<string, double[]> before = TestAdapter.Deltas(adapter.Path), after = TestAdapter.Deltas(back.Path);
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(before, b => Assert.InRange(TestAdapter.Distance(b.Value, after[b.Key]) / TestAdapter.Norm(b.Value), 0, 1e-6));
    }

    [Fact]
    public void An_embedding_lies_as_llama_cpp_looks_rows_up()
    {
        ModelSource model = Base();
        (float[] a, float[] b) = TestAdapter.Factors(7, Width, 2, 30);
        ModelSource adapter = TestAdapter.Peft(_folder["e"], """{"r":2,"lora_alpha":2}""",
            ("base_model.model.model.embed_tokens.lora_embedding_A", [2, 30], a), ("base_model.model.model.embed_tokens.lora_embedding_B", [Width, 2], b));
        AdapterResult result = Convert(adapter, "e.gguf", model);
        Dictionary<string, (long[] Shape, float[] Values)> tensors = TestModel.Read(result.Path);
        Assert.Equal((30L, 2L), (tensors["token_embd.weight.lora_a"].Shape[0], tensors["token_embd.weight.lora_a"].Shape[1]));
        Assert.Equal(TestModel.Transpose(a, 2, 30), tensors["token_embd.weight.lora_a"].Values);
        Assert.Equal(b, tensors["token_embd.weight.lora_b"].Values);
        Assert.Equal(TestAdapter.Deltas(adapter.Path)["model.embed_tokens"], TestAdapter.Deltas(result.Path)["token_embd"]);
        MergeAdapterResult one = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["1.gguf"] }).Run(model, adapter), two = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["2.gguf"] }).Run(model, TestAdapter.Source(result.Path));
        Close(TestModel.Read(one.Path)["token_embd.weight"].Values, TestModel.Read(two.Path)["token_embd.weight"].Values);
        Assert.NotEqual(TestModel.Read(model.Path)["token_embd.weight"].Values, TestModel.Read(one.Path)["token_embd.weight"].Values);
    }

    [Fact]
    public void A_weight_in_blocks_stays_in_blocks_and_the_rounding_is_told()
    {
        GgufBuilder builder = TestGguf.Model().With(TestModel.Random("blk.0.ffn_up.weight", 1, 20, 32), TensorDType.Q8_0);
        ModelSource model = builder.Write(_folder["q.gguf"]), adapter = TestAdapter.Peft(_folder["a"], """{"r":4,"lora_alpha":4}""", TestAdapter.PeftModule("model.layers.0.mlp.up_proj", 5, 20, 4, 32));
        MergeAdapterResult blocks = Merge(null), floats = Merge(TensorDType.F32);
        Assert.Equal((TensorDType.Q8_0, TensorDType.F32), (TestGguf.TypeOf(blocks.Path, "blk.0.ffn_up.weight"), TestGguf.TypeOf(floats.Path, "blk.0.ffn_up.weight")));
        float[] exact = TestModel.Read(floats.Path)["blk.0.ffn_up.weight"].Values, rounded = TestModel.Read(blocks.Path)["blk.0.ffn_up.weight"].Values;
        Assert.Equal(TestModel.RelativeError(exact, [.. rounded.Select(v => (double)v)]), blocks.RoundingError!.Value, 6);
        Assert.InRange(blocks.RoundingError.Value, 1e-5, 0.01);
        Assert.Equal(0, floats.RoundingError);

        MergeAdapterResult Merge(TensorDType? type) => new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder[$"m{type}.gguf"], DType = type }).Run(model, adapter);
    }

    [Fact]
    public void The_residual_of_a_quantised_model_is_an_adapter_for_it()
    {
        (string Name, long[] Shape, float[] Values) weight = TestModel.Random("blk.0.ffn_up.weight", 1, 20, 32);
        ModelSource fine = TestGguf.Model().With(weight).Write(_folder["fine.gguf"]), coarse = TestGguf.Model().With(weight, TensorDType.Q8_0).Write(_folder["coarse.gguf"]);
        AdapterResult result = new ExportAdapter(new ExportAdapterOptions { Rank = new AdapterRank.Fixed(20), Output = new AdapterOutputOptions { OutputPath = _folder["r.gguf"] } }).Run(fine, coarse);
        Assert.Equal(AdapterLayout.Gguf, result.Layout);
        MergeAdapterResult merged = new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["m.gguf"], DType = TensorDType.F32 }).Run(coarse, TestAdapter.Source(result.Path));
        Close(weight.Values, TestModel.Read(merged.Path)["blk.0.ffn_up.weight"].Values);
    }

    [Fact]
    public void What_is_not_known_is_refused_by_name()
    {
        ModelSource adapter = Peft(), llama = Base(), strange = Base("strange");
        MergeAdapter merge = new(new MergeAdapterOptions { OutputPath = _folder["x.gguf"] });
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Error(() => merge.Run(strange, adapter)));
        // No base, or one that is no GGUF: names and order of rows are nowhere to be had.
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(adapter, "a.gguf", null)));
        ModelSource plain = new(TestModel.Write(_folder["p.safetensors"], TestModel.Random("fc.weight", 1, 8, 8)), "p");
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(adapter, "a.gguf", plain)));
        AdapterResult there = Convert(adapter, "a.gguf", llama);
        ModelSource gguf = TestAdapter.Source(there.Path);
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(gguf, "back", null, AdapterLayout.Peft)));
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => Convert(adapter, "back", llama, AdapterLayout.Peft)));
        // An embedding as a linear map, a base without an architecture: not even under WhatIf.
        ModelSource linear = TestAdapter.Peft(_folder["l"], """{"r":2,"lora_alpha":2}""", TestAdapter.PeftModule("model.embed_tokens", 5, 30, 2, Width));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Error(() => Convert(linear, "l.gguf", llama)));
        ModelSource named = new(TestModel.Write(_folder["n.safetensors"], TestModel.Random("blk.0.attn_q.weight", 1, Width, Width)), "n"), bare = new GgufBuilder().With(TestModel.Random("blk.0.attn_q.weight", 2, Width, Width)).Write(_folder["bare.gguf"]);
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => new ExportAdapter(new ExportAdapterOptions { Rank = new AdapterRank.Fixed(2), Output = new AdapterOutputOptions { WhatIf = true, OutputPath = _folder["x.gguf"] } }).Run(bare, named)));
        // An adapter for another architecture, layouts that would lose the names, a mixture.
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Error(() => merge.Run(Base("qwen2"), gguf)));
        Assert.Equal(CoreErrors.OptionInvalid, Error(() => new ResizeAdapter(new AdapterRank.Fixed(1), new AdapterOutputOptions { Layout = AdapterLayout.Peft, OutputPath = _folder["z"] }).Run(gguf)));
        Assert.Equal(CoreErrors.AdapterDoesNotFit, Error(() => new JoinAdapters(JoinMode.Cat, null, new AdapterOutputOptions { OutputPath = _folder["z"] }).Run([gguf, adapter], [1, 1])));
        Assert.False(File.Exists(_folder["x.gguf"]) || Directory.Exists(_folder["z"]) || Directory.Exists(_folder["back"]));
    }

    [Theory]
    [InlineData("model", "lora", CoreErrors.AdapterUnsupported)]
    [InlineData("adapter", "ia3", CoreErrors.AdapterUnsupported)]
    public void A_file_that_says_it_is_something_else_is_none(string type, string kind, string error)
    {
        ModelSource source = new GgufBuilder().KeyValue("general.architecture", "llama").KeyValue("general.type", type).KeyValue("adapter.type", kind)
            .With(("blk.0.attn_q.weight.lora_a", [2, 8], new float[16])).With(("blk.0.attn_q.weight.lora_b", [8, 2], new float[16])).Write(_folder["a.gguf"]);
        Assert.Equal(error, Error(() => Adapter.Open(source)));
    }

    private static string Error(Action action) => Assert.ThrowsAny<LowRankToolsException>(action).ErrorId;
}
