using LLama.Exceptions;
using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Resizing;
using LowRankTools.Core.Tests;
using LowRankTools.Core.Tests.Adapters;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using Xunit.Abstractions;

namespace LowRankTools.LlamaCpp.Tests;

/// <summary>What is written as GGUF, run by llama.cpp: it answers as PyTorch's model with the same adapter does.</summary>
public sealed class LlamaCppTests(ITestOutputHelper log) : IDisposable
{
    private const int Rank = 4;
    private const double Scale = 6.0 / Rank;

    private static readonly int[] s_tokens = [1, 17, 3, 40, 22, 8, 8, 31];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Adapter() => TestAdapter.Peft(_folder["peft"], """{"r":4,"lora_alpha":6}""", [.. TinyLlama.Modules.SelectMany((m, i) => TestAdapter.PeftModule(m.Module, 200 + i, m.Out, Rank, m.In))
        .Select(t => (t.Name, t.Shape, t.Values.Select(v => v * 0.2f).ToArray()))]);

    /// <summary>The model with the adapter in its weights, by loops.</summary>
    private static TinyLlama Adapted()
    {
        TinyLlama model = new();
        foreach (((string module, int outputs, int inputs), int i) in TinyLlama.Modules.Select((m, i) => (m, i)))
        {
            (float[] a, float[] b) = TestAdapter.Factors(200 + i, outputs, Rank, inputs);
            model.Add(module, [.. TestModel.Multiply(b, a, outputs, Rank, inputs).Select(v => v * 0.2f * 0.2f * Scale)]);
        }
        return model;
    }

    /// <summary>||x - y|| / ||x|| over the logits of all tokens.</summary>
    private double Distance(double[][] x, double[][] y)
    {
        double distance = TestAdapter.Distance(x.SelectMany(v => v), y.SelectMany(v => v)) / TestAdapter.Norm(x.SelectMany(v => v));
        log.WriteLine(FormattableString.Invariant($"{distance:G3}"));
        return distance;
    }

    private string Convert(ModelSource model)
    {
        AdapterOutputOptions options = new() { OutputPath = _folder["adapter.gguf"] };
        return new ConvertAdapter(null, options).Run(Adapter(), model).Path;
    }

    private string Merge(ModelSource model, string adapter, TensorDType? type = null) =>
        new MergeAdapter(new MergeAdapterOptions { OutputPath = _folder["merged.gguf"], DType = type, Force = true }).Run(model, TestAdapter.Source(adapter)).Path;

    [Fact]
    public void A_merged_model_and_the_adapter_beside_the_base_answer_as_PyTorchs_model_does()
    {
        ModelSource model = new TinyLlama().Write(_folder["base.gguf"], TensorDType.F32);
        double[][] plain = new TinyLlama().Forward(s_tokens), adapted = Adapted().Forward(s_tokens);
        string adapter = Convert(model);
        // The base itself: what follows compares llama.cpp with the formulas, not with itself.
        Assert.InRange(Distance(plain, LlamaRun.Logits(model.Path, s_tokens)), 0, 1e-5);
        Assert.InRange(Distance(adapted, LlamaRun.Logits(model.Path, s_tokens, adapter)), 0, 1e-5);
        Assert.InRange(Distance(adapted, LlamaRun.Logits(Merge(model, adapter), s_tokens)), 0, 1e-5);
        Assert.InRange(Distance(adapted, LlamaRun.Logits(Merge(model, Adapter().Path), s_tokens)), 0, 1e-5);
        Assert.InRange(Distance(plain, adapted), 0.05, 10);
    }

    [Theory]
    [InlineData(TensorDType.F16, 2e-3)]
    [InlineData(TensorDType.BF16, 2e-2)]
    [InlineData(TensorDType.Q8_0, 3e-2)]
    public void Weights_of_a_base_keep_their_type_and_answer_to_its_rounding(TensorDType type, double rounding)
    {
        ModelSource model = new TinyLlama().Write(_folder["base.gguf"], type);
        string adapter = Convert(model), merged = Merge(model, adapter);
        Assert.Equal(type, TestGguf.TypeOf(merged, "blk.1.ffn_down.weight"));
        Assert.InRange(Distance(LlamaRun.Logits(model.Path, s_tokens, adapter), LlamaRun.Logits(merged, s_tokens)), 0, rounding);
    }

    [Fact]
    public void Blocks_that_are_written_here_are_loaded_and_answer_to_their_rounding()
    {
        ModelSource model = new TinyLlama().Write(_folder["base.gguf"], TensorDType.F32);
        double[][] expected = LlamaRun.Logits(model.Path, s_tokens);
        double Blocks(WeightQuantization kind, TensorDType type)
        {
            string path = new FactorizeModel(new FactorizeOptions
            {
                Rule = new RankRule.Fixed(32), Quantize = kind, QuantizeDense = true, Selection = new LayerSelection { Exclude = [_ => true] }, OutputPath = _folder[$"{kind}.gguf"],
            }).Run(model).Path;
            Assert.Equal(type, TestGguf.TypeOf(path, "blk.1.ffn_down.weight"));
            return Distance(expected, LlamaRun.Logits(path, s_tokens));
        }
        double eight = Blocks(WeightQuantization.Q8_0, TensorDType.Q8_0), four = Blocks(WeightQuantization.Q4_0, TensorDType.Q4_0);
        // Sixteen levels of a range err sixteen times as much as 255.
        Assert.InRange(eight, 1e-5, 3e-2);
        Assert.InRange(four, 2 * eight, 0.5);
    }

    [Fact]
    public void A_factorized_model_is_loaded_when_it_is_merged_and_not_before()
    {
        ModelSource model = new TinyLlama().Write(_folder["base.gguf"], TensorDType.F32);
        FactorizationResult pairs = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(24), OutputPath = _folder["pairs.gguf"] }).Run(model);
        MergeResult merged = new MergeModel(new MergeOptions { OutputPath = _folder["merged.gguf"] }).Run(new ModelSource(pairs.Path, "pairs"));
        Assert.True(pairs.Bytes < merged.Bytes);
        Assert.ThrowsAny<LoadWeightsFailedException>(() => LlamaRun.Logits(pairs.Path, s_tokens));
        Assert.Contains("attn_q.weight", LlamaRun.Errors, StringComparison.Ordinal);
        // The difference is what the ranks leave out: there, and no more than it.
        double difference = Distance(LlamaRun.Logits(model.Path, s_tokens), LlamaRun.Logits(merged.Path, s_tokens));
        Assert.InRange(difference, 1e-4, 3);
    }

    [Theory]
    [InlineData(TensorDType.F32, 1e-4)]
    [InlineData(TensorDType.Q8_0, 3e-2)]
    public void A_model_with_fewer_hidden_units_is_loaded_and_answers_as_before_where_those_that_went_never_acted(TensorDType type, double rounding)
    {
        const int Gone = 32;
        TinyLlama llama = new();
        llama.Silence(Gone);
        ModelSource model = llama.Write(_folder["base.gguf"], type);
        // By PyTorch's names, as it is collected of the model that was converted.
        (string, long[], float[]) Gram(int layer)
        {
            float[] acts = TestModel.Random("a", layer, 200, TinyLlama.Inner).Values, gram = new float[TinyLlama.Inner * TinyLlama.Inner];
            for (int i = 0; i < TinyLlama.Inner - Gone; i++)
            {
                for (int j = 0; j < TinyLlama.Inner - Gone; j++)
                    gram[i * TinyLlama.Inner + j] = (float)Enumerable.Range(0, 200).Sum(t => (double)acts[t * TinyLlama.Inner + i] * acts[t * TinyLlama.Inner + j]);
            }
            return ($"model.layers.{layer}.mlp.down_proj.gram", [TinyLlama.Inner, TinyLlama.Inner], gram);
        }
        string calibration = TestModel.Write(_folder["c.safetensors"], [.. Enumerable.Range(0, TinyLlama.Layers).Select(Gram)]);
        ResizeResult resized = new ResizeModel(new ResizeOptions { HiddenSize = TinyLlama.Inner - Gone, OutputPath = _folder["small.gguf"], Calibration = new CalibrationOptions { Path = calibration } }).Run(model);
        Assert.Equal("64", TestGguf.Metadata(resized.Path)["llama.feed_forward_length"]);
        Assert.Equal(type, TestGguf.TypeOf(resized.Path, "blk.1.ffn_down.weight"));
        Assert.True(new FileInfo(resized.Path).Length < new FileInfo(model.Path).Length);
        Assert.InRange(Distance(LlamaRun.Logits(model.Path, s_tokens), LlamaRun.Logits(resized.Path, s_tokens)), 0, rounding);
    }

    [Theory]
    [InlineData(TensorDType.F32, 1e-4)]
    [InlineData(TensorDType.F16, 1e-2)]
    public void A_model_with_narrower_heads_is_loaded_and_answers_as_before_where_the_features_that_went_held_nothing(TensorDType type, double rounding)
    {
        TinyLlama llama = new();
        // The first pairs turn the fastest: those that stay are told by their turns.
        llama.Empty(0);
        llama.Empty(1);
        ModelSource model = llama.Write(_folder["base.gguf"], type);
        static (string, long[], float[]) Gram(int layer, string module, int width)
        {
            float[] acts = TestModel.Random("a", layer, 200, width).Values, gram = new float[width * width];
            for (int i = 0; i < gram.Length; i++)
                gram[i] = (float)Enumerable.Range(0, 200).Sum(t => (double)acts[t * width + i / width] * acts[t * width + i % width]);
            return ($"model.layers.{layer}.self_attn.{module}.gram", [width, width], gram);
        }
        ResizeResult Narrow(ModelSource from, int size, string name)
        {
            int gathered = TinyLlama.Heads * (size + 2);
            string calibration = TestModel.Write(_folder[name + ".safetensors"], [.. Enumerable.Range(0, TinyLlama.Layers).SelectMany(l => new[] { "q_proj", "k_proj", "v_proj", "o_proj" }.Select(m => Gram(l, m, m == "o_proj" ? gathered : TinyLlama.Width)))]);
            return new ResizeModel(new ResizeOptions { HeadSize = size, Selection = UnitSelection.Leverage, OutputPath = _folder[name + ".gguf"], Calibration = new CalibrationOptions { Path = calibration } }).Run(from);
        }
        ResizeResult resized = Narrow(model, TinyLlama.HeadSize - 2, "small");
        Assert.Equal(["14", "14", "14"], new[] { "attention.key_length", "attention.value_length", "rope.dimension_count" }.Select(k => TestGguf.Metadata(resized.Path)[$"llama.{k}"]));
        Assert.Equal(type, TestGguf.TypeOf(resized.Path, "blk.1.attn_q.weight"));
        double[][] expected = LlamaRun.Logits(model.Path, s_tokens);
        Assert.InRange(Distance(expected, LlamaRun.Logits(resized.Path, s_tokens)), 0, rounding);
        // Once more, from turns that divisors say already.
        ResizeResult again = Narrow(new ModelSource(resized.Path, "small"), TinyLlama.HeadSize - 4, "smaller");
        Assert.Equal("12", TestGguf.Metadata(again.Path)["llama.attention.key_length"]);
        Assert.InRange(Distance(expected, LlamaRun.Logits(again.Path, s_tokens)), 0, 2 * rounding);
    }

    [Fact]
    public void A_residual_adapter_brings_a_quantised_model_back_to_what_it_was()
    {
        TinyLlama llama = new();
        ModelSource fine = llama.Write(_folder["fine.gguf"], TensorDType.F32), coarse = llama.Write(_folder["coarse.gguf"], TensorDType.Q8_0);
        AdapterResult residual = new ExportAdapter(new ExportAdapterOptions { Rank = new AdapterRank.Fixed(64), Output = new AdapterOutputOptions { OutputPath = _folder["residual.gguf"] } }).Run(fine, coarse);
        double[][] expected = llama.Forward(s_tokens);
        double without = Distance(expected, LlamaRun.Logits(coarse.Path, s_tokens)), with = Distance(expected, LlamaRun.Logits(coarse.Path, s_tokens, residual.Path));
        // llama.cpp rounds the inputs of blocks too, and embeddings have no pair here.
        Assert.InRange(with / without, 0, 0.95);
    }
}
